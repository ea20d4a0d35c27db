-- @use time
-- presence-list: the keys that one of Asynq's sets has as alive. Removes those that have expired, as Asynq does.
-- KEYS   set
-- ARGV   now
-- RETURN the keys
-- BOUND  1,000 keys returned, 1,000 removed
local MAX_COUNT = 1000
local expired = redis.call('ZRANGE', KEYS.set, '-inf', now_s - 1, 'BYSCORE', 'LIMIT', 0, MAX_COUNT)
if #expired > 0 then
  redis.call('ZREM', KEYS.set, unpack(expired))
end
return redis.call('ZRANGE', KEYS.set, now_s, '+inf', 'BYSCORE', 'LIMIT', 0, MAX_COUNT)
