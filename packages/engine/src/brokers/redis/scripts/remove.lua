#!lua flags=allow-oom
-- @use time names receipt
-- remove: removes a task in any state but active, from its index too.
-- KEYS   1 receipt; 2 pending; 3 the task's hash
-- ARGV   1 now; 2 slot; 3 sequence; 4 ID; 5 unique lock ('' = none)
-- RETURN `done:<state>`, `state:<state>` (it cannot be removed) or `none`; `!<key>`: this key has a wrong type;
--        `!stale`: a late duplicate
-- BOUND  1 task; LREM on pending
local kept, stale = receipt_of(KEYS[1], ARGV[2], ARGV[3])
if kept or stale then
  return kept or STALE
end
local pending, key, id = KEYS[2], KEYS[3], ARGV[4]
local asynq, tc = names_of(pending)
local sets = {
  asynq .. 'scheduled', asynq .. 'retry', asynq .. 'archived', asynq .. 'completed',
  tc .. 'due', tc .. 'st:cancelled',
}
local bad = misfit(key, 'hash', pending, 'list')
for _, set in ipairs(sets) do
  bad = bad or misfit(set, 'zset')
end
if bad then
  return '!' .. bad
end
if redis.call('EXISTS', key) == 0 then
  return 'none'
end
local row = redis.call('HMGET', key, 'state', 'tc:s', 'group')
local state = row[1]
if state == 'active' then
  return 'state:active'
end
if state == 'aggregating' then
  -- A task of a set that is being aggregated is no longer its own (protocol 5.7).
  if redis.pcall('ZREM', asynq .. 'g:' .. (row[3] or ''), id) ~= 1 then
    return 'state:aggregating'
  end
end
if state == 'pending' or not state then
  redis.call('LREM', pending, 1, id)
end
for _, set in ipairs(sets) do
  redis.call('ZREM', set, id)
end
redis.call('DEL', key)
if ARGV[5] ~= '' and redis.pcall('GET', ARGV[5]) == id then
  redis.call('DEL', ARGV[5])
end
local reply = 'done:' .. ((state == 'completed' and row[2]) or state or 'archived')
keep_receipt(KEYS[1], ARGV[2], ARGV[3], reply)
return reply
