#!lua flags=allow-oom
-- @use time
-- presence-index: records in one of Asynq's sets that a server's or scheduler's key is alive, and until when.
-- KEYS   1 the set
-- ARGV   1 now; 2 seconds until it expires; 3 the key
-- RETURN 1
-- BOUND  1 member
redis.call('ZADD', KEYS[1], int_text(now_s + tonumber(ARGV[2])), ARGV[3])
return 1
