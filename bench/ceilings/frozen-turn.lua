-- frozen-turn: ends tasks as done and takes others, on Asynq's layout, with no more than that layout needs.
-- FROZEN: a yardstick for other scripts. It is not to be changed, or older figures say nothing any more.
-- KEYS   1 pending; 2 active; 3 lease; 4 processed of the day; 5 processed in all
-- ARGV   1 how many to take; 2 expiry of their leases in s; then IDs that are done
-- RETURN 1 per task that is done, one text; then ID and message per task that was taken
-- BOUND  256 tasks each way
local prefix = string.sub(KEYS[1], 1, -8) .. 't:'
local done = #ARGV - 2
if done > 0 then
  local gone = {}
  for i = 1, done do
    local id = ARGV[i + 2]
    redis.call('LREM', KEYS[2], -1, id)
    gone[i] = prefix .. id
  end
  redis.call('ZREM', KEYS[3], unpack(ARGV, 3))
  redis.call('DEL', unpack(gone))
  redis.call('INCRBY', KEYS[4], done)
  redis.call('EXPIRE', KEYS[4], 7776000)
  redis.call('INCRBY', KEYS[5], done)
end

local reply = { string.rep('1', done) }
local ids = tonumber(ARGV[1]) > 0 and redis.call('RPOP', KEYS[1], ARGV[1]) or {}
if #ids > 0 then
  local leases = {}
  for i = 1, #ids do
    local key = prefix .. ids[i]
    reply[#reply + 1] = ids[i]
    reply[#reply + 1] = redis.call('HGET', key, 'msg')
    redis.call('HSET', key, 'state', 'active')
    redis.call('HDEL', key, 'pending_since')
    leases[#leases + 1] = ARGV[2]
    leases[#leases + 1] = ids[i]
  end
  redis.call('LPUSH', KEYS[2], unpack(ids))
  redis.call('ZADD', KEYS[3], unpack(leases))
end
return reply
