#!lua flags=allow-oom
-- scheduler-write: writes a scheduler's entries in Asynq's form.
-- KEYS   1 the scheduler's entries
-- ARGV   1 now; 2 seconds to live; 3 1 = replace the entries, 0 = add to those of the previous call; then SchedulerEntries
-- RETURN 1
-- BOUND  256 entries, 512 KiB
if ARGV[3] == '1' then
  redis.call('DEL', KEYS[1])
end
if #ARGV > 3 then
  redis.call('LPUSH', KEYS[1], unpack(ARGV, 4))
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return 1
