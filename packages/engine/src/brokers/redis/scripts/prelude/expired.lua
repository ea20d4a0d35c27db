-- Which leases of a queue have expired, and may be taken back.
local SCAN_MS, RENEW_MS = 750, 1500
-- A flapping broker must not hold recovery off for ever.
local MAX_HOLD_OFFS = 3
-- Go trusts its own clock, which may be behind (reliability F.3).
local GO_GRACE_S = 30

-- After a pause of the broker workers renew first (reliability F.4).
local function held_off(scan)
  local kept = redis.call('HMGET', scan, 'last', 'until', 'holds')
  local last, ends, holds = sane(kept[1]), sane(kept[2]) or 0, sane(kept[3]) or 0
  -- A clock that was put back must not hold recovery off either.
  ends = math.min(ends, now + RENEW_MS + 1000)
  if last and now - last > 3 * SCAN_MS then
    holds = holds + 1
    if holds <= MAX_HOLD_OFFS then
      ends = now + RENEW_MS + 1000
    end
  elseif now >= ends then
    holds = 0
  end
  redis.call('HSET', scan, 'last', whole(now), 'until', whole(ends), 'holds', holds)
  return now < ends
end

-- Up to `limit` expired leases, ours and Go's. Behind many of Go's that are not over yet the next call looks on.
local function expired(lease, scan, limit)
  local most, first = math.min(4 * limit, 1024), sane(redis.call('HGET', scan, 'first')) or 0
  local found = redis.call(
    'ZRANGE', lease, '-inf', '(' .. (now_s + 1), 'BYSCORE', 'LIMIT', whole(first), most, 'WITHSCORES'
  )
  local ours, go = {}, {}
  for i = 1, #found, 2 do
    local score = tonumber(found[i + 1])
    if #ours + #go < limit then
      if token_in(score) > 0 then
        ours[#ours + 1] = found[i]
      elseif score + GO_GRACE_S <= now_s then
        go[#go + 1] = found[i]
      end
    end
  end
  local looked_at, taken = #found / 2, #ours + #go
  local next_first = looked_at == most and taken < limit and first + looked_at - taken or 0
  if next_first ~= first then
    redis.call('HSET', scan, 'first', whole(next_first))
  end
  return ours, go
end
