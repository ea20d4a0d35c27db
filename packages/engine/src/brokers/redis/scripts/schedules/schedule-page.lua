-- @use time names
-- schedule-page: reads a page of the schedules of one queue, by name: only what people filter by.
-- KEYS   pending: names the queue
-- ARGV   now; after: begin behind this name, '' = from the start; limit; failing: 1 = only schedules that are failing, 0 = all;
--        whole: 1 = also their next fires, and which are failing; facts...: texts that a head must have, each of them
-- TOUCHES sch, names, soon, failing
-- RETURN now; the last name that it has looked at, nil = there are no more; names of those that have the facts; their heads; if `whole`: their next
--        fires, where they are not paused; per name nil = it is not failing
-- BOUND  250 schedules
local _, tc = key_prefixes(KEYS.pending)
local set = tc .. (ARGV.failing == '1' and 'failing' or 'names')
local names = redis.call('ZRANGE', set, ARGV.after == '' and '-' or '(' .. ARGV.after, '+', 'BYLEX', 'LIMIT', 0, ARGV.limit)
local last = #names == tonumber(ARGV.limit) and names[#names]
local heads = #names > 0 and redis.call('HMGET', tc .. 'sch', unpack(names)) or {}

-- Most schedules of a page do not match: what nobody wants is not sent.
local function has_facts(head)
  for i = INDEX.facts, #ARGV do
    if not string.find(head, ARGV[i], 1, true) then
      return false
    end
  end
  return true
end

local found, found_heads = {}, {}
for i, name in ipairs(names) do
  if heads[i] and has_facts(heads[i]) then
    found[#found + 1], found_heads[#found_heads + 1] = name, heads[i]
  end
end
if ARGV.whole == '0' or #found == 0 then
  return { int_text(now), last, found, found_heads, {}, {} }
end
return {
  int_text(now), last, found, found_heads, redis.call('ZMSCORE', tc .. 'soon', unpack(found)),
  redis.call('ZMSCORE', tc .. 'failing', unpack(found)),
}
