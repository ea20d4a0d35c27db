-- frozen-enqueue: stores pending tasks on Asynq's layout, with no more than that layout needs.
-- FROZEN: a yardstick for other scripts. It is not to be changed, or older figures say nothing any more.
-- KEYS   1 pending
-- ARGV   1 pending_since in ns; then per task: ID, message
-- RETURN 1 per task, one text
-- BOUND  256 tasks
local prefix = string.sub(KEYS[1], 1, -8) .. 't:'
local ids = {}
for i = 2, #ARGV, 2 do
  redis.call('HSET', prefix .. ARGV[i], 'msg', ARGV[i + 1], 'state', 'pending', 'pending_since', ARGV[1])
  ids[#ids + 1] = ARGV[i]
end
redis.call('LPUSH', KEYS[1], unpack(ids))
return string.rep('1', #ids)
