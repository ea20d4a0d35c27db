#!lua flags=allow-oom
-- @use time
-- presence-index: records in one of Asynq's sets that a server's or scheduler's key is alive, and until when.
-- KEYS   set
-- ARGV   now; seconds: until it expires; key
-- RETURN 1
-- BOUND  1 member
redis.call('ZADD', KEYS.set, int_text(now_s + tonumber(ARGV.seconds)), ARGV.key)
return 1
