#!lua flags=allow-oom
-- @use time receipt
-- pause: pauses or resumes a queue, and stores or removes the reason.
-- KEYS   receipt; paused; config
-- ARGV   now; slot; sequence; is_pause: 1 pause, 0 resume; has_reason: 1/0; reason
-- RETURN `1` changed, `0` the queue was already paused or not paused; `!stale`: a late duplicate
-- BOUND  3 keys
local kept, stale = read_receipt()
if kept or stale then
  return kept or STALE
end
local changed
if ARGV.is_pause == '1' then
  changed = redis.call('SETNX', KEYS.paused, now_s)
else
  changed = redis.call('DEL', KEYS.paused)
end
if ARGV.has_reason == '1' then
  redis.call('HSET', KEYS.config, 'pause_reason', ARGV.reason)
else
  redis.call('HDEL', KEYS.config, 'pause_reason')
end
keep_receipt(tostring(changed))
return tostring(changed)
