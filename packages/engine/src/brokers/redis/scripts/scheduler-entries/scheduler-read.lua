-- scheduler-read: a page of a scheduler's entries.
-- KEYS   1 the scheduler's entries
-- ARGV   1 now; 2 index of the first one, from 0
-- RETURN SchedulerEntries; none = no more, or a key of another type
-- BOUND  256 entries
local first = tonumber(ARGV[2])
local found = redis.pcall('LRANGE', KEYS[1], first, first + 255)
if found.err then
  return {}
end
return found
