#!lua flags=allow-oom
-- @use time names totals receipt counters remove archive moves move run-ends after-finish change cancel-found
-- change-one: runs, archives or removes one task.
-- KEYS   receipt; pending; task: its hash
-- ARGV   now; slot; sequence; id; action: run, archive or remove; lock: the unique lock, '' = none
-- TOUCHES active, scheduled, retry, archived, completed, due, st:cancelled, st:cancelling, groups, g:*, n, watch, sch, next, failing, sl:*, fires:*,
--        t:*, unique:*
-- RETURN `done:<state before>`, `state:<state>` (the action is not possible in it) or `none` (no such task); `!<key>`: this
--        key has a wrong type; `!stale`: a late duplicate
-- BOUND  1 task; LREM on pending
local kept, stale = read_receipt()
if kept or stale then
  return kept or STALE
end
local pending, key, id, action = KEYS.pending, KEYS.task, ARGV.id, ARGV.action
local asynq, tc = key_prefixes(pending)
local wrong_key = find_wrong_type(key, 'hash') or find_wrong_index_type(asynq, tc, pending)
if wrong_key then
  return '!' .. wrong_key
end
if redis.call('EXISTS', key) == 0 then
  return 'none'
end
-- RECORD row: state; own_state; group
local row = redis.call('HMGET', key, FIELDS.row)
-- A hash without a state is damaged; its ID may be in any index, so it is treated as pending.
local state, group = row.state or 'pending', row.group or ''
local reported_state = state == 'completed' and row.own_state == 'cancelled' and 'cancelled' or row.state or 'archived'
local refused = { run = { active = 1, pending = 1 }, archive = { active = 1, archived = 1 }, remove = { active = 1 } }
if refused[action][state] then
  return 'state:' .. reported_state
end
if state == 'aggregating' then
  -- A task that is no longer in its group is part of a set that is being aggregated: it cannot be changed alone.
  if redis.pcall('ZREM', asynq .. 'g:' .. group, id) ~= 1 then
    return 'state:aggregating'
  end
  close_group(asynq, group)
elseif state == 'pending' then
  redis.call('LREM', pending, 1, id)
end
if state ~= 'aggregating' then
  for _, name in ipairs({ 'scheduled', 'retry', 'archived', 'completed' }) do
    redis.call('ZREM', asynq .. name, id)
  end
  redis.call('ZREM', tc .. 'due', id)
  redis.call('ZREM', tc .. 'st:cancelled', id)
end
local reply = 'done:' .. reported_state
if is_run_of_cancelling(action, state, row.own_state) then
  cancel_found(asynq, tc, { id })
  reply = 'state:cancelled'
else
  change_tasks(asynq, tc, action, { id }, { ARGV.lock })
end
keep_receipt(reply)
return reply
