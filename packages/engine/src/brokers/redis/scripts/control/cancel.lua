#!lua flags=allow-oom
-- @use time names receipt bytes
-- cancel: cancels a waiting task. Asynq has no such state, so the task is kept in `completed`; `tc:s` and `st:cancelled` mark it.
-- KEYS   1 receipt; 2 pending; 3 the task's hash
-- ARGV   1 now; 2 slot; 3 sequence; 4 ID; 5 reason and author, a JSON object; 6 seconds to keep it; 7 unique lock ('' = none)
-- RETURN `done:<state before>`, `state:<state>` (it cannot be cancelled) or `none` (no such task); `!<key>`: this key has a
--        wrong type; `!stale`: a late duplicate
-- BOUND  1 task; LREM on pending
local kept, stale = receipt_of(KEYS[1], ARGV[2], ARGV[3])
if kept or stale then
  return kept or STALE
end
local pending, key, id = KEYS[2], KEYS[3], ARGV[4]
local asynq, tc = names_of(pending)
local completed, cancelled = asynq .. 'completed', tc .. 'st:cancelled'
local wrong_key = find_wrong_type(
  key, 'hash', pending, 'list', completed, 'zset', cancelled, 'zset',
  asynq .. 'scheduled', 'zset', asynq .. 'retry', 'zset', tc .. 'due', 'zset'
)
if wrong_key then
  return '!' .. wrong_key
end
local row = redis.call('HMGET', key, 'state', 'msg', 'tc:s')
local state = row[1]
if not state then
  return 'none'
end
if state ~= 'scheduled' and state ~= 'pending' and state ~= 'retry' then
  return 'state:' .. ((state == 'completed' and row[3]) or state)
end

if state == 'pending' then
  redis.call('LREM', pending, 1, id)
else
  redis.call('ZREM', asynq .. state, id)
  redis.call('ZREM', tc .. 'due', id)
end
local cancellation = '{"at":' .. int_text(now) .. (ARGV[5] == '{}' and '}' or ',' .. string.sub(ARGV[5], 2))
redis.call('HSET', key, 'state', 'completed', 'tc:s', 'cancelled', 'tc:c', cancellation)
if row[2] then
  redis.call('HSET', key, 'msg', row[2] .. COMPLETED_NOW)
end
redis.call('HDEL', key, 'pending_since')
local score = math.ceil(now / 1000) + ARGV[6]
redis.call('ZADD', completed, score, id)
redis.call('ZADD', cancelled, score, id)
if ARGV[7] ~= '' and redis.pcall('GET', ARGV[7]) == id then
  redis.call('DEL', ARGV[7])
end
local reply = 'done:' .. state
keep_receipt(KEYS[1], ARGV[2], ARGV[3], reply)
return reply
