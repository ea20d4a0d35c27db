-- scheduler-event: adds to an entry's history that its task was enqueued. Adds before it trims: the same call sent twice
-- leaves the same history.
-- KEYS   1 the entry's history
-- ARGV   1 now; 2 time of the event, s; 3 SchedulerEnqueueEvent; 4 number of events to keep
-- RETURN 1
-- BOUND  1 event; removes all beyond the number to keep
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[4]) - 1)
return 1
