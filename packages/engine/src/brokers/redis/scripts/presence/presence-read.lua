-- presence-read: the info that a server has written, and a page of its tasks in progress.
-- KEYS   server_info; workers
-- ARGV   now; cursor: 0 at first
-- RETURN ServerInfo or nil; next cursor, 0 = no more; WorkerInfos; HSCAN may return some twice
-- BOUND  about 256 tasks; a hash in Redis' compact form (by default up to 512 small ones) comes whole
local COUNT = 256
local info = redis.pcall('GET', KEYS.server_info)
local found = redis.pcall('HSCAN', KEYS.workers, ARGV.cursor, 'COUNT', COUNT)
if type(info) ~= 'string' then
  return { false, '0', {} }
end
if found.err then
  return { info, '0', {} }
end
local workers = {}
for i = 2, #found[2], 2 do
  workers[#workers + 1] = found[2][i]
end
return { info, found[1], workers }
