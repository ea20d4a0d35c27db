#!lua flags=allow-oom
-- @use time names counters
-- drop-queue: removes what is left of a queue that holds no task.
-- KEYS   1 pending
-- ARGV   1 now
-- RETURN 1 removed, 0 it holds tasks
-- BOUND  about 200 keys without tasks behind them
local pending = KEYS[1]
local asynq, tc = names_of(pending)
local holding = {
  pending, asynq .. 'active', asynq .. 'scheduled', asynq .. 'retry', asynq .. 'archived', asynq .. 'completed',
  asynq .. 'aggregation_sets', asynq .. 'groups',
}
if redis.call('EXISTS', unpack(holding)) > 0 then
  return 0
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
