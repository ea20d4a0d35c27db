-- @use time names
-- cancel-requested: tells which tasks of one queue somebody has asked to cancel while they run.
-- KEYS   pending: names the queue
-- ARGV   now; ids...
-- TOUCHES t:*
-- RETURN a text with 1 (asked) or 0 per ID
-- BOUND  256 tasks
local asynq = key_prefixes(KEYS.pending)
local codes = {}
for i = INDEX.ids, #ARGV do
  local own_state = redis.pcall('HGET', asynq .. 't:' .. ARGV[i], FIELD.own_state)
  codes[#codes + 1] = own_state == 'cancelling' and CODE.done or CODE.refused
end
return table.concat(codes)
