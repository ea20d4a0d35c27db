-- scheduler-history: a page of an entry's history, newest first.
-- KEYS   1 the entry's history
-- ARGV   1 now; 2 first and 3 last index, from 0
-- RETURN SchedulerEnqueueEvents; none for a key of another type
-- BOUND  1,000 events
local found = redis.pcall('ZRANGE', KEYS[1], ARGV[2], ARGV[3], 'REV')
if found.err then
  return {}
end
return found
