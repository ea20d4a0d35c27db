-- Something counts as missing only when it was missing twice, at least 60 s apart: data may just be being copied or
-- migrated. `doubts` is a zset of what was missing once, by the time in seconds.
local DOUBT_S, FORGET_S, MAX_DOUBTS = 60, 3600, 1000
-- Score of an expired lease without a token, as a Go worker leaves it: every recoverer, Go's too, takes it.
local EXPIRED_S = now_s - 30

-- Records a first sighting; confirms it after 60 s, and then forgets it. Returns whether it is confirmed.
local function confirm_missing(doubts, id)
  local first_s = tonumber(redis.call('ZSCORE', doubts, id) or '')
  if not first_s then
    if redis.call('ZCARD', doubts) < MAX_DOUBTS then
      redis.call('ZADD', doubts, now_s, id)
      redis.call('EXPIRE', doubts, FORGET_S)
    end
    return false
  end
  if first_s > now_s - DOUBT_S then
    return false
  end
  redis.call('ZREM', doubts, id)
  return true
end

-- Whether this call does the periodic work called `field`. All processes share it: one call in 6 s gets the turn. A clock
-- that was put back does not stop it.
local EVERY_MS = 6000
local function claim_turn(scan, field)
  local last = tonumber(redis.call('HGET', scan, field) or '') or 0
  if now >= last and now - last < EVERY_MS then
    return false
  end
  redis.call('HSET', scan, field, int_text(now))
  return true
end
