-- @use time
-- history-state: where the history stands. Reads only.
-- KEYS   state; baselines
-- ARGV   now
-- RETURN now; version, minute and hour (nil = none); queue and baseline of each queue
local state = redis.call('HMGET', KEYS.state, 'version', 'minute', 'hour')
return { int_text(now), state, redis.call('HGETALL', KEYS.baselines) }
