#!lua flags=allow-oom
-- @use time
-- semaphore-acquire: takes one of a scope's tokens, as Asynq's x/rate does. Unlike Asynq's it is idempotent: acquiring again
-- with the same end succeeds.
-- KEYS   semaphore
-- ARGV   now; max_tokens: of the scope; end_s: end of the holder's time, Unix s; holder
-- RETURN 1 = the holder has a token, 0 = all are taken
-- BOUND  removes all members whose time is over
local key, max_tokens, end_s, holder = KEYS.semaphore, tonumber(ARGV.max_tokens), ARGV.end_s, ARGV.holder
redis.call('ZREMRANGEBYSCORE', key, '-inf', int_text(now_s - 1))
local held_until = redis.call('ZSCORE', key, holder)
if held_until and tonumber(held_until) == tonumber(end_s) then return 1 end
if redis.call('ZCARD', key) >= max_tokens then return 0 end
redis.call('ZADD', key, end_s, holder)
return 1
