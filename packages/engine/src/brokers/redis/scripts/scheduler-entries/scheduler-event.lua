-- scheduler-event: notes that an entry's task was stored (protocol 3.24). It is added first and the oldest go then, so
-- that the same call sent twice leaves as many.
-- KEYS   1 the entry's history
-- ARGV   1 now; 2 when, s; 3 SchedulerEnqueueEvent; 4 how many are kept
-- RETURN 1
-- BOUND  1 event; as many go as others left too many
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[4]) - 1)
return 1
