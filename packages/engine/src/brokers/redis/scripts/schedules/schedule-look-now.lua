#!lua flags=allow-oom
-- @use time names schedules
-- schedule-look-now: brings the next looks of schedules of one queue to now. Passes over what does not exist.
-- KEYS   pending: names the queue
-- ARGV   now; names...
-- TOUCHES sch, next, sl:*
-- RETURN number of schedules that exist
-- BOUND  256 schedules
local _, tc = key_prefixes(KEYS.pending)
local found = 0
for i = INDEX.names, #ARGV do
  if ARGV[i] ~= '' and redis.call('HEXISTS', tc .. 'sch', ARGV[i]) == 1 then
    look_now(tc, ARGV[i])
    found = found + 1
  end
end
return found
