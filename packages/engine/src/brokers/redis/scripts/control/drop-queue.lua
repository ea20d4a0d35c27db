#!lua flags=allow-oom
-- @use time names counters
-- drop-queue: removes what is left of a queue that holds no task.
-- KEYS   1 pending
-- ARGV   1 now
-- RETURN 1 removed, 0 it holds tasks, 2 call again: there are more names of groups
-- BOUND  about 200 keys without tasks behind them, 1,000 groups
local pending = KEYS[1]
local asynq, tc = names_of(pending)
local holding = {
  pending, asynq .. 'active', asynq .. 'scheduled', asynq .. 'retry', asynq .. 'archived', asynq .. 'completed',
  asynq .. 'aggregation_sets',
}
if redis.call('EXISTS', unpack(holding)) > 0 then
  return 0
end
-- A group's name outlives tasks that were removed before they joined it.
local groups, GROUPS_MOST = asynq .. 'groups', 1000
if not misfit(groups, 'set') then
  local names, keys = redis.call('SRANDMEMBER', groups, GROUPS_MOST), {}
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
  return misfit(groups, 'set') and 0 or 2
end
local names = {
  asynq .. 'lease', asynq .. 'paused', asynq .. 'processed', asynq .. 'failed', tc .. 'due', tc .. 'st:cancelled',
  tc .. 'scan', tc .. 'cfg', tc .. 'biz', tc .. 'tok', tc .. 'odd',
}
redis.call('DEL', unpack(names))
-- Counters of days live for 90 days.
local first = now_s
for day = 0, 91 do
  now_s = first - day * 86400
  local date = today()
  redis.call('DEL', asynq .. 'processed:' .. date, asynq .. 'failed:' .. date)
end
return 1
