-- scheduler-event: adds to an entry's history that its task was enqueued. Adds before it trims: the same call sent twice
-- leaves the same history.
-- KEYS   history: of the entry
-- ARGV   now; seconds: time of the event; event: SchedulerEnqueueEvent; max_events: how many to keep
-- RETURN 1
-- BOUND  1 event; removes all beyond the number to keep
redis.call('ZADD', KEYS.history, ARGV.seconds, ARGV.event)
redis.call('ZREMRANGEBYRANK', KEYS.history, 0, -tonumber(ARGV.max_events) - 1)
return 1
