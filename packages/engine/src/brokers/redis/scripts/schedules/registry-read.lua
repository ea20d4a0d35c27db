-- @use time
-- registry-read: in which queues schedules are.
-- KEYS   registry
-- ARGV   now; names...
-- RETURN now; per name: its entry, nil = none
-- BOUND  500 names
local names = { unpack(ARGV, INDEX.names) }
return { int_text(now), #names > 0 and redis.call('HMGET', KEYS.registry, unpack(names)) or {} }
