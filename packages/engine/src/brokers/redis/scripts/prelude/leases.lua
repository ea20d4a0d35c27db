-- A lease's score: expiry in whole seconds, rounded up, and the token as a fraction of six digits (design D6).
local function lease_score(length_ms, token)
  return string.format('%d.%06d', math.ceil((now + length_ms) / 1000), token)
end

-- The token of a new call. A source that is no number, or full, begins anew where none was of late.
local function next_token(tc)
  local n = redis.pcall('INCR', tc .. 'tok')
  if type(n) ~= 'number' then
    n = now % 999983
    redis.call('SET', tc .. 'tok', whole(n))
  end
  return n % 999999 + 1
end

-- The token in a score; 0 = Go's.
local function token_in(score)
  return math.floor((score % 1) * 1000000 + 0.5)
end

-- Up to so many comparisons IDs are taken out of the active list one by one (design D2): most often they are among
-- the oldest, which stand at its right end.
local SCAN_MOST = 250000
-- Of a list most of which goes the rest is written anew: two commands instead of one for each.
local SHARE_LEAST, SHARE = 8, 4

local function leave_active(active, ids)
  local length = redis.call('LLEN', active)
  if #ids * length <= SCAN_MOST and (#ids < SHARE_LEAST or #ids * SHARE < length) then
    for i = 1, #ids do
      redis.call('LREM', active, -1, ids[i])
    end
    return
  end
  local gone, kept = {}, {}
  for i = 1, #ids do
    gone[ids[i]] = true
  end
  for _, id in ipairs(redis.call('LRANGE', active, 0, -1)) do
    if not gone[id] then
      kept[#kept + 1] = id
    end
  end
  redis.call('DEL', active)
  for i = 1, #kept, 5000 do
    redis.call('RPUSH', active, unpack(kept, i, math.min(i + 4999, #kept)))
  end
end
