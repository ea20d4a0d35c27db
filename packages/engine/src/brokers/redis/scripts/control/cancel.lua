#!lua flags=allow-oom
-- @use time names receipt bytes counters remove archive move after-finish
-- cancel: cancels a waiting task. Asynq has no such state, so the task is kept in `completed`; its own state and `st:cancelled` mark it.
-- KEYS   receipt; pending; task: its hash
-- ARGV   now; slot; sequence; id; cancellation: reason and author, a JSON object; keep_s: seconds to keep the task; lock: its
--        unique lock, '' = none
-- TOUCHES scheduled, retry, completed, due, st:cancelled, unique:*
-- RETURN `done:<state before>`, `state:<state>` (it cannot be cancelled) or `none` (no such task); `!<key>`: this key has a
--        wrong type; `!stale`: a late duplicate
-- BOUND  1 task; LREM on pending
local kept, stale = read_receipt()
if kept or stale then
  return kept or STALE
end
local pending, key, id = KEYS.pending, KEYS.task, ARGV.id
local asynq, tc = key_prefixes(pending)
local completed, cancelled = asynq .. 'completed', tc .. 'st:cancelled'
local wrong_key = find_wrong_type(
  key, 'hash', pending, 'list', completed, 'zset', cancelled, 'zset',
  asynq .. 'scheduled', 'zset', asynq .. 'retry', 'zset', tc .. 'due', 'zset'
)
if wrong_key then
  return '!' .. wrong_key
end
-- RECORD row: state; message; own_state
local row = redis.call('HMGET', key, FIELDS.row)
local state = row.state
if not state then
  return 'none'
end
if state ~= 'scheduled' and state ~= 'pending' and state ~= 'retry' then
  return 'state:' .. ((state == 'completed' and row.own_state) or state)
end

if state == 'pending' then
  redis.call('LREM', pending, 1, id)
else
  redis.call('ZREM', asynq .. state, id)
  redis.call('ZREM', tc .. 'due', id)
end
local cancellation = '{"at":' .. int_text(now) .. (ARGV.cancellation == '{}' and '}' or ',' .. string.sub(ARGV.cancellation, 2))
local moves, message = new_moves(), row.message and row.message .. COMPLETED_NOW
cancel(moves, key, id, math.ceil(now / 1000) + ARGV.keep_s, cancellation, message)
add_pair(moves.locks, ARGV.lock, id)
apply_moves(asynq, tc, moves)
after_finish(asynq, tc, moves)
local reply = 'done:' .. state
keep_receipt(reply)
return reply
