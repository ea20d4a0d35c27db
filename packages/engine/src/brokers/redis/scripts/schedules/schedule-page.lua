-- @use time names
-- schedule-page: reads a page of the schedules of one queue, by name: only what people filter by.
-- KEYS   pending: names the queue
-- ARGV   now; after: begin behind this name, '' = from the start; limit; failing: 1 = only schedules that are failing, 0 = all;
--        whole: 1 = also their next fires, and which are failing
-- TOUCHES sch, names, soon, failing
-- RETURN now; names; their heads; if `whole`: their next fires, where they are not paused; per name nil = it is not failing
-- BOUND  250 schedules
local _, tc = key_prefixes(KEYS.pending)
local set = tc .. (ARGV.failing == '1' and 'failing' or 'names')
local names = redis.call('ZRANGE', set, ARGV.after == '' and '-' or '(' .. ARGV.after, '+', 'BYLEX', 'LIMIT', 0, ARGV.limit)
if #names == 0 then
  return { int_text(now), {}, {}, {}, {} }
end
local heads = redis.call('HMGET', tc .. 'sch', unpack(names))
if ARGV.whole == '0' then
  return { int_text(now), names, heads, {}, {} }
end
return {
  int_text(now), names, heads, redis.call('ZMSCORE', tc .. 'soon', unpack(names)), redis.call('ZMSCORE', tc .. 'failing', unpack(names)),
}
