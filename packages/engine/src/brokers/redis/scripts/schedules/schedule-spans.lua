-- @use time names
-- schedule-spans: how many schedules of one queue have their next fire in spans of time, without paused ones.
-- KEYS   pending: names the queue
-- ARGV   now; spans...
-- RECORD span: from_ms; to_ms: before this time
-- TOUCHES soon
-- RETURN a number per span
-- BOUND  500 spans
local _, tc = key_prefixes(KEYS.pending)
local counts = {}
for span = INDEX.spans, #ARGV, SIZE.span do
  counts[#counts + 1] = redis.call('ZCOUNT', tc .. 'soon', ARGV[span].from_ms, '(' .. ARGV[span].to_ms)
end
return counts
