-- @use time
-- presence-list: keys that are alive by one of Asynq's sets; those that are over are dropped from it (protocol 5.10).
-- KEYS   1 the set
-- ARGV   1 now
-- RETURN the keys
-- BOUND  1,000 keys each way
local MAX_COUNT = 1000
local over = redis.call('ZRANGE', KEYS[1], '-inf', now_s - 1, 'BYSCORE', 'LIMIT', 0, MAX_COUNT)
if #over > 0 then
  redis.call('ZREM', KEYS[1], unpack(over))
end
return redis.call('ZRANGE', KEYS[1], now_s, '+inf', 'BYSCORE', 'LIMIT', 0, MAX_COUNT)
