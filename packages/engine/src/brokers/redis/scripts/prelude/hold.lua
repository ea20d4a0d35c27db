-- Leases tasks that were taken in one call.
-- Redis keeps a small zset as a list: each ZADD then parses every score in it, and fractions are slow to parse. A
-- member this long turns it into a tree, which it stays until it is empty; it is gone before the script ends.
local LONG = string.rep('x', 65)
local FEW = 8

local function hold(asynq, tc, ids, length_ms)
  local token = next_token(tc)
  local score, leases, n = lease_score(length_ms, token), {}, #ids
  for i = 1, n do
    leases[2 * i - 1], leases[2 * i] = score, ids[i]
  end
  if n > FEW then
    leases[2 * n + 1], leases[2 * n + 2] = leases[1], leases[2]
    leases[1], leases[2] = score, LONG
  end
  redis.call('LPUSH', asynq .. 'active', unpack(ids))
  redis.call('ZADD', asynq .. 'lease', unpack(leases))
  if n > FEW then
    redis.call('ZREM', asynq .. 'lease', LONG)
  end
  return token
end
