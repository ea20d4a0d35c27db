#!lua flags=allow-oom
-- @use time names receipt
-- pause: pauses or resumes a queue, and stores or removes the reason.
-- KEYS   1 receipt; 2 pending
-- ARGV   1 now; 2 slot; 3 sequence; 4 whether to pause (1/0); 5 whether there is a reason (1/0); 6 reason
-- RETURN `1` changed, `0` the queue was already paused or not paused; `!stale`: a late duplicate
-- BOUND  3 keys
local kept, stale = receipt_of(KEYS[1], ARGV[2], ARGV[3])
if kept or stale then
  return kept or STALE
end
local asynq, tc = names_of(KEYS[2])
local changed
if ARGV[4] == '1' then
  changed = redis.call('SETNX', asynq .. 'paused', now_s)
else
  changed = redis.call('DEL', asynq .. 'paused')
end
if ARGV[5] == '1' then
  redis.call('HSET', tc .. 'cfg', 'pause_reason', ARGV[6])
else
  redis.call('HDEL', tc .. 'cfg', 'pause_reason')
end
keep_receipt(KEYS[1], ARGV[2], ARGV[3], tostring(changed))
return tostring(changed)
