#!lua flags=allow-oom
-- @use time names totals receipt bytes history counters remove archive moves move run-ends after-finish cancel-requests cancelling
-- cancel: cancels a waiting task, or asks for it if the task runs. Asynq has no such states. A cancelled task is kept in `completed`;
-- its own state and `st:cancelled` mark it. One that must still end so stays `active`, with the own state `cancelling`.
-- KEYS   receipt; pending; task: its hash
-- ARGV   now; slot; sequence; id; cancellation: reason and author, a JSON object; keep_s: seconds to keep the task; lock: its
--        unique lock, '' = none
-- TOUCHES scheduled, retry, completed, due, st:cancelled, st:cancelling, n, watch, sch, next, failing, sl:*, fires:*, unique:*
-- RETURN `done:<state before>`, `requested` (it runs, or a Go worker has put it back), `state:<state>` (it cannot be cancelled) or
--        `none` (no such task); `!<key>`: this key has a wrong type; `!stale`: a late duplicate
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
  tc .. 'st:cancelling', 'zset', asynq .. 'scheduled', 'zset', asynq .. 'retry', 'zset', tc .. 'due', 'zset'
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
local function answer(reply)
  keep_receipt(reply)
  return reply
end

-- The start of the JSON that is kept.
local cancellation = '{"at":' .. int_text(now)
local rest = ARGV.cancellation == '{}' and '}' or ',' .. string.sub(ARGV.cancellation, 2)
local is_requested = row.own_state == 'cancelling'
if state == 'active' then
  -- The first one who asked is kept.
  if not is_requested then
    request_cancel(tc, key, id, cancellation .. ',"keep":' .. ARGV.keep_s .. rest)
  end
  return answer('requested')
end
if state ~= 'scheduled' and state ~= 'pending' and state ~= 'retry' then
  return 'state:' .. (state == 'completed' and row.own_state == 'cancelled' and 'cancelled' or state)
end

if state == 'pending' then
  redis.call('LREM', pending, 1, id)
else
  redis.call('ZREM', asynq .. state, id)
  redis.call('ZREM', tc .. 'due', id)
end
local moves = new_moves()
if is_requested then
  end_cancelling(asynq, tc, moves, key, id)
else
  cancel(moves, key, id, math.ceil(now / 1000) + ARGV.keep_s, FIELD.cancellation, cancellation .. rest)
  if row.message then
    redis.call('HSET', key, FIELD.message, row.message .. COMPLETED_NOW)
  end
  add_pair(moves.locks, ARGV.lock, id)
end
apply_moves(asynq, tc, moves)
after_finish(asynq, tc, moves)
return answer(is_requested and 'requested' or 'done:' .. state)
