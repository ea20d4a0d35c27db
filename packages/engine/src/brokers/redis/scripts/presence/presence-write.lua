#!lua flags=allow-oom
-- presence-write: writes a server's info and its tasks in progress in Asynq's form.
-- KEYS   1 server info; 2 workers
-- ARGV   1 now; 2 seconds to live; 3 ServerInfo, '' = add tasks to those of the previous call; then task IDs and
--        WorkerInfos in turn
-- RETURN 1
-- BOUND  256 tasks, 512 KiB
local seconds, info = ARGV[2], ARGV[3]
if info ~= '' then
  redis.call('SET', KEYS[1], info, 'EX', seconds)
  redis.call('DEL', KEYS[2])
end
if #ARGV > 3 then
  redis.call('HSET', KEYS[2], unpack(ARGV, 4))
  redis.call('EXPIRE', KEYS[2], seconds)
end
return 1
