#!lua flags=allow-oom
-- @use time names counters
-- drop-queue: removes the remaining keys of a queue without tasks and schedules: settings, counters, names of empty groups.
-- KEYS   pending
-- ARGV   now
-- TOUCHES active, lease, scheduled, retry, archived, completed, aggregation_sets, groups, g:*, paused, due, st:cancelled,
--        st:cancelling, scan, cfg, biz, tok, odd, n, sch, names, next, soon, failing, fl, watch, processed, processed:*, failed, failed:*
-- RETURN 1 removed, 0 the queue has tasks or schedules, 2 call again: there are more names of groups
-- BOUND  about 200 keys without tasks behind them, 1,000 groups
local pending = KEYS.pending
local asynq, tc = key_prefixes(pending)
local task_keys = {
  pending, asynq .. 'active', asynq .. 'scheduled', asynq .. 'retry', asynq .. 'archived', asynq .. 'completed',
  asynq .. 'aggregation_sets', tc .. 'names',
}
if redis.call('EXISTS', unpack(task_keys)) > 0 then
  return 0
end
-- `groups` may still name groups whose tasks were removed before they joined them.
local groups, MAX_GROUPS = asynq .. 'groups', 1000
if not find_wrong_type(groups, 'set') then
  local names, keys = redis.call('SRANDMEMBER', groups, MAX_GROUPS), {}
  for i, name in ipairs(names) do
    keys[i] = asynq .. 'g:' .. name
  end
  if #keys > 0 and redis.call('EXISTS', unpack(keys)) > 0 then
    return 0
  end
  if #keys > 0 then
    redis.call('SREM', groups, unpack(names))
  end
end
if redis.call('EXISTS', groups) == 1 then
  return find_wrong_type(groups, 'set') and 0 or 2
end
local names = {
  asynq .. 'lease', asynq .. 'paused', asynq .. 'processed', asynq .. 'failed', tc .. 'due', tc .. 'st:cancelled',
  tc .. 'st:cancelling', tc .. 'scan', tc .. 'cfg', tc .. 'biz', tc .. 'tok', tc .. 'odd', tc .. 'n',
  tc .. 'sch', tc .. 'next', tc .. 'soon', tc .. 'failing', tc .. 'fl', tc .. 'watch',
}
redis.call('DEL', unpack(names))
-- Daily counters live for 90 days. `today` reads now_s, which is set to each of these days in turn.
local today_s = now_s
for day = 0, 91 do
  now_s = today_s - day * 86400
  local date = today()
  redis.call('DEL', asynq .. 'processed:' .. date, asynq .. 'failed:' .. date)
end
return 1
