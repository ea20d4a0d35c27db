#!lua flags=allow-oom
-- @use time names receipt failed-set
-- group-take: takes tasks of groups that are ready out of them, as sets for aggregation. A group is ready when it has reached
-- its maximal size or delay, or when nothing has joined it for the grace period.
-- KEYS   receipt; pending: names the queue
-- ARGV   now; slot; sequence; grace_s; max_delay_s: 0 = none; max_size: 0 = none; max_tasks: most in a set; max_bytes: most in a
--        set; lifetime_s: of a set; max_sets; set_ids...: one per set that may be taken, then names of groups
-- TOUCHES groups, g:*, aggregation_sets, t:*
-- RETURN `<index of the group, from 0>:<size>` per set, with commas between; `!<key>`: this key has a wrong type;
--        `!stale`: a late duplicate
-- BOUND  10 sets of 1,000 tasks, 500 groups checked
local kept, stale = read_receipt()
if kept or stale then
  return kept or STALE
end
local asynq = key_prefixes(KEYS.pending)
local groups, sets = asynq .. 'groups', asynq .. 'aggregation_sets'
local wrong_key = find_wrong_type(groups, 'set', sets, 'zset')
if wrong_key then
  return '!' .. wrong_key
end
local grace_s, max_delay_s, max_size = tonumber(ARGV.grace_s), tonumber(ARGV.max_delay_s), tonumber(ARGV.max_size)
local max_tasks, max_bytes, max_sets = tonumber(ARGV.max_tasks), tonumber(ARGV.max_bytes), tonumber(ARGV.max_sets)
-- No clock is ahead by an hour. Members with a later time get the current one, or their group would never be ready.
local MAX_AHEAD_S, MAX_RESET = 3600, 100

local function is_ripe(key)
  local count = redis.call('ZCARD', key)
  if count == 0 or (max_size > 0 and count >= max_size) then
    return count > 0
  end
  local oldest = tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
  if max_delay_s > 0 and oldest <= now_s - max_delay_s then
    return true
  end
  local newest = tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2])
  if newest > now_s + MAX_AHEAD_S then
    for _, id in ipairs(redis.call('ZRANGE', key, now_s + MAX_AHEAD_S, '+inf', 'BYSCORE', 'LIMIT', 0, MAX_RESET)) do
      redis.call('ZADD', key, now_s, id)
    end
  end
  return newest <= now_s - grace_s
end

-- The IDs of the first members within the limits of a set, and the same with their scores as ZADD takes them. A member whose sets have
-- failed limits those that it is in.
local function first_members(key)
  local found = redis.call('ZRANGE', key, 0, (max_size > 0 and math.min(max_size, max_tasks) or max_tasks) - 1, 'WITHSCORES')
  local ids, scored, bytes, limit = {}, {}, 0, max_tasks
  for i = 1, #found, 2 do
    local length = redis.pcall('HSTRLEN', asynq .. 't:' .. found[i], FIELD.message)
    bytes = bytes + (type(length) == 'number' and length or 0)
    local _, max_size = set_tries_of(asynq .. 't:' .. found[i])
    if max_size > 0 then
      limit = math.min(limit, max_size)
    end
    if #ids >= limit or (bytes > max_bytes and #ids > 0) then
      break
    end
    ids[#ids + 1] = found[i]
    scored[i], scored[i + 1] = found[i + 1], found[i]
  end
  return ids, scored
end

local taken, first_name = {}, INDEX.set_ids + max_sets
for i = first_name, #ARGV do
  local key = asynq .. 'g:' .. ARGV[i]
  if #taken == max_sets then
    break
  end
  if not find_wrong_type(key, 'zset') and is_ripe(key) then
    local ids, scored = first_members(key)
    local set = key .. ':' .. ARGV[INDEX.set_ids + #taken]
    redis.call('ZADD', set, unpack(scored))
    redis.call('ZREM', key, unpack(ids))
    redis.call('ZADD', sets, now_s + ARGV.lifetime_s, set)
    if redis.call('EXISTS', key) == 0 then
      redis.call('SREM', groups, ARGV[i])
    end
    taken[#taken + 1] = (i - first_name) .. ':' .. #ids
  end
end
local reply = table.concat(taken, ',')
keep_receipt(reply)
return reply
