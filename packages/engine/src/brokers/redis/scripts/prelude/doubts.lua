-- What is missing is believed to be so when it was missed twice, so long apart: scripts leave nothing half done, yet
-- a copy of the data may be on its way.
local DOUBT_S, FORGET_S, DOUBTS_MOST = 60, 3600, 1000
-- An expired lease as a Go worker leaves it: every recoverer takes it.
local EXPIRED_S = now_s - 30

local function missed_twice(doubts, id)
  local first = tonumber(redis.call('ZSCORE', doubts, id) or '')
  if not first then
    if redis.call('ZCARD', doubts) < DOUBTS_MOST then
      redis.call('ZADD', doubts, now_s, id)
      redis.call('EXPIRE', doubts, FORGET_S)
    end
    return false
  end
  if first > now_s - DOUBT_S then
    return false
  end
  redis.call('ZREM', doubts, id)
  return true
end

-- Whose turn it is: processes share the work, which is done once in so long.
local EVERY_MS = 6000
local function is_turn(scan, field)
  local last = tonumber(redis.call('HGET', scan, field) or '') or 0
  if now >= last and now - last < EVERY_MS then
    return false
  end
  redis.call('HSET', scan, field, whole(now))
  return true
end
