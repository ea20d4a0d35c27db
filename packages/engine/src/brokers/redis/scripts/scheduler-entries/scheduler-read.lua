-- scheduler-read: some of what a scheduler will enqueue.
-- KEYS   1 the scheduler's entries
-- ARGV   1 now; 2 how many to pass over
-- RETURN SchedulerEntries; none = no more, or a key of another type
-- BOUND  256 entries
local from = tonumber(ARGV[2])
local found = redis.pcall('LRANGE', KEYS[1], from, from + 255)
if found.err then
  return {}
end
return found
