#!lua flags=allow-oom
-- @use time
-- presence-index: notes in one of Asynq's sets that a key is alive (protocol 3.22).
-- KEYS   1 the set
-- ARGV   1 now; 2 seconds from now; 3 the key
-- RETURN 1
-- BOUND  1 member
redis.call('ZADD', KEYS[1], whole(now_s + tonumber(ARGV[2])), ARGV[3])
return 1
