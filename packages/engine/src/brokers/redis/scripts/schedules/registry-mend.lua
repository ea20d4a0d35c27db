#!lua flags=allow-oom
-- @use time
-- registry-mend: enters a schedule that the registry does not name, or takes out an entry without a schedule.
-- KEYS   registry
-- ARGV   now; name; queue: that has the schedule, or that the entry names; has: whether it has it, 1/0; repair: 1, or 0 = only look;
--        settled_ms: as in `registry-claim`
-- RETURN 1 = that is wrong, 0 = it is right, or may be the work of a call that is under way
-- BOUND  1 entry
local claimed_ms, queue = string.match(redis.call('HGET', KEYS.registry, ARGV.name) or '', '^[^;]*;(%d+);(.*)$')
local is_settled = not claimed_ms or math.abs(now - claimed_ms) > tonumber(ARGV.settled_ms)
if not is_settled or ARGV.has == '1' and queue == ARGV.queue then
  return 0
end
if ARGV.repair == '1' and ARGV.has == '1' then
  redis.call('HSET', KEYS.registry, ARGV.name, ';' .. int_text(now) .. ';' .. ARGV.queue)
elseif ARGV.repair == '1' then
  redis.call('HDEL', KEYS.registry, ARGV.name)
end
return 1
