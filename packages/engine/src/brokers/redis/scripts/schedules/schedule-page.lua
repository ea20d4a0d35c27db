-- @use time names
-- schedule-page: reads a page of the schedules of one queue, by name: only what people filter by.
-- KEYS   pending: names the queue
-- ARGV   now; after: begin behind this name, '' = from the start; limit
-- TOUCHES sch, names, sl:*
-- RETURN now; per schedule: name, head, next fire, whether it is failing
-- BOUND  500 schedules
local _, tc = key_prefixes(KEYS.pending)
local names = redis.call('ZRANGE', tc .. 'names', ARGV.after == '' and '-' or '(' .. ARGV.after, '+', 'BYLEX', 'LIMIT', 0, ARGV.limit)
local heads = #names > 0 and redis.call('HMGET', tc .. 'sch', unpack(names)) or {}
local rows = {}
for i, name in ipairs(names) do
  local ledger = redis.pcall('HMGET', tc .. 'sl:' .. name, 'next', 'failing')
  rows[i] = { name, heads[i], ledger[1] or '', ledger[2] or '0' }
end
return { int_text(now), rows }
