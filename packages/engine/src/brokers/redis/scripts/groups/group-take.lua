#!lua flags=allow-oom
-- @use time names receipt
-- group-take: takes tasks of ripe groups out of them, as sets to be aggregated (protocol 3.18).
-- KEYS   1 receipt; 2 pending
-- ARGV   1 now; 2 slot; 3 sequence; 4 grace period in s; 5 maximal delay in s (0 = none); 6 maximal size (0 = none);
--        7 most tasks of a set; 8 most bytes of one; 9 how long a set is good for in s; 10 number of sets to take at
--        most, then their IDs; then names of groups
-- RETURN `<place of the group>:<size>` per set, with commas between; `!<key>`: this key has a wrong type;
--        `!stale`: a late duplicate
-- BOUND  10 sets of 1,000 tasks, 500 groups looked at
local kept, stale = receipt_of(KEYS[1], ARGV[2], ARGV[3])
if kept or stale then
  return kept or STALE
end
local asynq = names_of(KEYS[2])
local groups, sets = asynq .. 'groups', asynq .. 'aggregation_sets'
local bad = misfit(groups, 'set', sets, 'zset')
if bad then
  return '!' .. bad
end
local grace, delay, size = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local most, most_bytes, sets_most = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[10])
-- No clock is ahead by so much: what joined later than this is taken to have joined now.
local AHEAD_S, SETTLED = 3600, 100

local function is_ripe(key)
  local count = redis.call('ZCARD', key)
  if count == 0 or (size > 0 and count >= size) then
    return count > 0
  end
  local oldest = tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
  if delay > 0 and oldest <= now_s - delay then
    return true
  end
  local newest = tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2])
  if newest > now_s + AHEAD_S then
    for _, id in ipairs(redis.call('ZRANGE', key, now_s + AHEAD_S, '+inf', 'BYSCORE', 'LIMIT', 0, SETTLED)) do
      redis.call('ZADD', key, now_s, id)
    end
  end
  return newest <= now_s - grace
end

-- The first members with their scores, and how many.
local function members(key)
  local found = redis.call('ZRANGE', key, 0, (size > 0 and math.min(size, most) or most) - 1, 'WITHSCORES')
  local ids, scored, bytes = {}, {}, 0
  for i = 1, #found, 2 do
    local length = redis.pcall('HSTRLEN', asynq .. 't:' .. found[i], 'msg')
    bytes = bytes + (type(length) == 'number' and length or 0)
    if bytes > most_bytes and #ids > 0 then
      break
    end
    ids[#ids + 1] = found[i]
    scored[i], scored[i + 1] = found[i + 1], found[i]
  end
  return ids, scored
end

local taken = {}
for i = 11 + sets_most, #ARGV do
  local key = asynq .. 'g:' .. ARGV[i]
  if #taken == sets_most then
    break
  end
  if not misfit(key, 'zset') and is_ripe(key) then
    local ids, scored = members(key)
    local set = key .. ':' .. ARGV[11 + #taken]
    redis.call('ZADD', set, unpack(scored))
    redis.call('ZREM', key, unpack(ids))
    redis.call('ZADD', sets, now_s + ARGV[9], set)
    if redis.call('EXISTS', key) == 0 then
      redis.call('SREM', groups, ARGV[i])
    end
    taken[#taken + 1] = (i - 11 - sets_most) .. ':' .. #ids
  end
end
local reply = table.concat(taken, ',')
keep_receipt(KEYS[1], ARGV[2], ARGV[3], reply)
return reply
