#!lua flags=allow-oom
-- presence-write: writes a server's info and its tasks in progress in Asynq's form.
-- KEYS   server_info; workers
-- ARGV   now; seconds: to live; info: ServerInfo, '' = add tasks to those of the previous call; tasks...: IDs and WorkerInfos in
--        turn
-- RETURN 1
-- BOUND  256 tasks, 512 KiB
local seconds, info = ARGV.seconds, ARGV.info
if info ~= '' then
  redis.call('SET', KEYS.server_info, info, 'EX', seconds)
  redis.call('DEL', KEYS.workers)
end
if #ARGV >= INDEX.tasks then
  redis.call('HSET', KEYS.workers, unpack(ARGV, INDEX.tasks))
  redis.call('EXPIRE', KEYS.workers, seconds)
end
return 1
