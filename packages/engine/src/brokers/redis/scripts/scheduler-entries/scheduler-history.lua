-- scheduler-history: a page of an entry's history, newest first.
-- KEYS   history: of the entry
-- ARGV   now; first: index from 0; last: index
-- RETURN SchedulerEnqueueEvents; none for a key of another type
-- BOUND  1,000 events
local found = redis.pcall('ZRANGE', KEYS.history, ARGV.first, ARGV.last, 'REV')
if found.err then
  return {}
end
return found
