#!lua flags=allow-oom
-- @use time names receipt history counters archive locks store
-- group-finish: stores the task into which a set was aggregated, and removes the set with its tasks.
-- KEYS   1 receipt; 2 pending; 3 the set; 4 the new task's hash (the set again = there is no new task)
-- ARGV   1 now; 2 slot; 3 sequence; 4 number of unreadable members, then their IDs; number of unique locks, then lock and ID
--        each; business of the new task ('' = none); the task as in `enqueue`, with 8 values
-- RETURN `<now>:<code>:<holder>`: the code as in `enqueue`, or l = the set's time is over and it goes back to its group;
--        `!<key>`: this key has a wrong type, nothing was written; `!stale`: a late duplicate
-- BOUND  1,000 tasks
local kept, stale = receipt_of(KEYS[1], ARGV[2], ARGV[3])
if kept or stale then
  return kept or STALE
end
local pending, set, key = KEYS[2], KEYS[3], KEYS[4]
local asynq, tc = names_of(pending)
local sets, archived = asynq .. 'aggregation_sets', asynq .. 'archived'
local wrong_key = find_wrong_type(
  pending, 'list', sets, 'zset', set, 'zset', archived, 'zset', asynq .. 'scheduled', 'zset', tc .. 'due', 'zset',
  tc .. 'biz', 'set'
)
if wrong_key then
  return '!' .. wrong_key
end
local p = 5 + ARGV[4]
local unreadable, locks = {}, p + 1
for i = 5, p - 1 do
  unreadable[#unreadable + 1] = ARGV[i]
end
p = p + 2 + 2 * ARGV[p]

local function answer(code)
  local reply = int_text(now) .. ':' .. code .. ':' .. (string.match(holders[1] or '', '^%d+:(.*)$') or '')
  keep_receipt(KEYS[1], ARGV[2], ARGV[3], reply)
  return reply
end

-- From its deadline on a set goes back to its group in steps. Part of it may be there already, so it must not be aggregated.
if (tonumber(redis.call('ZSCORE', sets, set) or '') or 0) <= now_s then
  return answer('l')
end
if key ~= set then
  local key_type = redis.call('TYPE', key).ok
  local code = key_type == 'none' and store_special(asynq, key, p) or key_type == 'hash' and '0' or 'x'
  if code ~= '1' then
    return answer(code)
  end
  index_stored(asynq, tc)
  if ARGV[p - 1] ~= '' then
    redis.call('SADD', tc .. 'biz', ARGV[p - 1])
  end
end

local is_unreadable = {}
for _, id in ipairs(unreadable) do
  is_unreadable[id] = true
  redis.pcall('HSET', asynq .. 't:' .. id, 'state', 'archived')
end
for _, id in ipairs(redis.call('ZRANGE', set, 0, -1)) do
  if not is_unreadable[id] then
    redis.call('DEL', asynq .. 't:' .. id)
  end
end
for i = locks, p - 2, 2 do
  unlock(asynq, ARGV[i], ARGV[i + 1])
end
if #unreadable > 0 then
  archive(asynq, unreadable)
  count_anomaly(tc, 'archived', #unreadable)
end
redis.call('DEL', set)
redis.call('ZREM', sets, set)
return answer('1')
