-- scheduler-read: a page of a scheduler's entries.
-- KEYS   entries: of the scheduler
-- ARGV   now; first: index from 0
-- RETURN SchedulerEntries; none = no more, or a key of another type
-- BOUND  256 entries
local first = tonumber(ARGV.first)
local found = redis.pcall('LRANGE', KEYS.entries, first, first + 255)
if found.err then
  return {}
end
return found
