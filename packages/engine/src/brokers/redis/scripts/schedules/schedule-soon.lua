-- @use time names
-- schedule-soon: reads a page of the schedules of one queue that will fire, by time, without paused ones.
-- KEYS   pending: names the queue
-- ARGV   now; from_ms; to_ms: before this time; offset; limit
-- TOUCHES soon, sch
-- RETURN per schedule: name, next fire, head
-- BOUND  250 schedules
local _, tc = key_prefixes(KEYS.pending)
local found = redis.call(
  'ZRANGE', tc .. 'soon', ARGV.from_ms, '(' .. ARGV.to_ms, 'BYSCORE', 'LIMIT', ARGV.offset, ARGV.limit, 'WITHSCORES'
)
local rows = {}
for i = 1, #found, 2 do
  rows[#rows + 1] = { found[i], found[i + 1], redis.call('HGET', tc .. 'sch', found[i]) }
end
return rows
