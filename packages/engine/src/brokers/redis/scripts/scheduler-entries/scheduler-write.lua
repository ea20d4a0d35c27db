#!lua flags=allow-oom
-- scheduler-write: writes a scheduler's entries in Asynq's form.
-- KEYS   entries: of the scheduler
-- ARGV   now; seconds: to live; is_first: 1 = replace the entries, 0 = add to those of the previous call; new_entries...:
--        SchedulerEntries
-- RETURN 1
-- BOUND  256 entries, 512 KiB
if ARGV.is_first == '1' then
  redis.call('DEL', KEYS.entries)
end
if #ARGV >= INDEX.new_entries then
  redis.call('LPUSH', KEYS.entries, unpack(ARGV, INDEX.new_entries))
  redis.call('EXPIRE', KEYS.entries, ARGV.seconds)
end
return 1
