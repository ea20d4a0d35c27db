-- scheduler-events: writes an entry's history anew. It expires: nobody else removes that of an entry which is shown no more.
-- KEYS   history: of the entry
-- ARGV   now; ttl_seconds: to live; events...: of each its time, s, and its SchedulerEnqueueEvent
-- RETURN 1
-- BOUND  100 events
redis.call('DEL', KEYS.history)
if #ARGV >= INDEX.events then
  redis.call('ZADD', KEYS.history, unpack(ARGV, INDEX.events))
  redis.call('EXPIRE', KEYS.history, ARGV.ttl_seconds)
end
return 1
