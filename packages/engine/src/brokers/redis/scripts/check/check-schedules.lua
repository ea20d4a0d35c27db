-- @use time names schedules runs schedule-faults
-- check-schedules: reads a page of the schedules or of the runs of one queue, and returns those that seem wrong.
-- KEYS   pending: names the queue
-- ARGV   now; index: sch, names, next, soon, failing or watch; cursor: 0 = from the start
-- TOUCHES sch, names, next, soon, failing, watch, sl:*, fires:*, t:*
-- RETURN cursor, 0 = this was the last page; names of schedules, or IDs of runs
-- BOUND  about 250 schedules or runs
local PAGE = 250
local asynq, tc = key_prefixes(KEYS.pending)
local key, is_runs = tc .. ARGV.index, ARGV.index == 'watch'
local key_type = redis.call('TYPE', key).ok
if key_type ~= 'hash' and key_type ~= 'zset' then
  return { '0', {} }
end
local found = redis.call(key_type == 'hash' and 'HSCAN' or 'ZSCAN', key, ARGV.cursor, 'COUNT', PAGE)
local wrong = {}
for i = 1, #found[2], 2 do
  local name = found[2][i]
  local fault
  if is_runs then
    fault = run_fault(asynq, tc, name)
  elseif name ~= '' then
    fault = schedule_fault(tc, name)
  end
  if fault then
    wrong[#wrong + 1] = name
  end
end
return { found[1], wrong }
