#!lua flags=allow-oom
-- @use time
-- semaphore-acquire: takes one of a scope's tokens as Asynq's x/rate does (protocol 1.10); a repeated call has the token
-- that it took, where Asynq's would find all of them taken.
-- KEYS   1 the semaphore
-- ARGV   1 now; 2 tokens in all; 3 end in seconds; 4 holder
-- RETURN 1 = the holder has a token, 0 = all are taken
-- BOUND  the members whose time is over
local key, most, till, holder = KEYS[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now_s - 1))
local held = redis.call('ZSCORE', key, holder)
if held and tonumber(held) == tonumber(till) then return 1 end
if redis.call('ZCARD', key) >= most then return 0 end
redis.call('ZADD', key, till, holder)
return 1
