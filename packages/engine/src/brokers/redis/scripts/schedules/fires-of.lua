-- @use time names
-- fires-of: reads the history of one schedule.
-- KEYS   pending: names the queue
-- ARGV   now; name
-- TOUCHES sch, fires:*
-- RETURN now; head of the schedule, nil = there is none; its lines, the newest first
-- BOUND  100 lines
local _, tc = key_prefixes(KEYS.pending)
local head = ARGV.name ~= '' and redis.call('HGET', tc .. 'sch', ARGV.name)
return { int_text(now), head, head and redis.call('LRANGE', tc .. 'fires:' .. ARGV.name, 0, -1) or {} }
