-- Leases tasks that were taken in one call.
-- Redis keeps a small zset as a listpack, where each ZADD parses every score, and fractions are slow to parse. A member
-- longer than 64 bytes turns it into a skiplist, which it stays until it is empty. The script removes that member again.
local LONG_MEMBER = string.rep('x', 65)
local MAX_COMPACT = 8

-- Adds the tasks to `active` and `lease` under a new token, which it returns.
local function lease_tasks(asynq, tc, ids, length_ms)
  local token = next_token(tc)
  local score, leases, n = lease_score(length_ms, token), {}, #ids
  for i = 1, n do
    leases[2 * i - 1], leases[2 * i] = score, ids[i]
  end
  if n > MAX_COMPACT then
    leases[2 * n + 1], leases[2 * n + 2] = leases[1], leases[2]
    leases[1], leases[2] = score, LONG_MEMBER
  end
  redis.call('LPUSH', asynq .. 'active', unpack(ids))
  redis.call('ZADD', asynq .. 'lease', unpack(leases))
  if n > MAX_COMPACT then
    redis.call('ZREM', asynq .. 'lease', LONG_MEMBER)
  end
  return token
end
