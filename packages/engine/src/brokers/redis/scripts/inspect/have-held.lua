-- @use time names
-- have-held: whether each queue ever held a task of one of these businesses.
-- KEYS   pending_lists...: they name the queues
-- ARGV   now; queues: their number; businesses...: names
-- TOUCHES biz
-- RETURN 1 or 0 per queue
-- BOUND  128 queues, 1,000 businesses
local first, held = INDEX.pending_lists, {}
for i = first, first + ARGV.queues - 1 do
  local _, tc = key_prefixes(KEYS[i])
  local found = 0
  -- A key of a wrong type names no business.
  if not find_wrong_type(tc .. 'biz', 'set') then
    for business = INDEX.businesses, #ARGV do
      if redis.call('SISMEMBER', tc .. 'biz', ARGV[business]) == 1 then
        found = 1
        break
      end
    end
  end
  held[#held + 1] = found
end
return held
