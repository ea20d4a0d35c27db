-- Claims: work that one instance at a time should do. A claim is a hash: holder, token, until: its end, ttl: how long before its
-- end it was written (0 = released), both in ms. It stays stored when it is over: the next token depends on it.

-- A stored number; 0 for what is none. Another program may have written anything.
local function stored_number(text)
  return text and #text <= 15 and string.find(text, '^%d+$') and tonumber(text) or 0
end

-- The holder, the token, the end, and how many ms are left; 0 = the claim is over. More than was given cannot be left: then
-- the clock was set back, and the claim lasts for its time from now on.
local function read_claim(key)
  local stored = redis.call('HMGET', key, 'holder', 'token', 'until', 'ttl')
  local end_ms = stored_number(stored[3])
  return stored[1], stored_number(stored[2]), end_ms, math.max(0, math.min(end_ms - now, stored_number(stored[4])))
end

-- Stores a claim that lasts `left` ms from now on. Returns its end.
local function write_claim(key, holder, token, left)
  local end_ms = now + left
  redis.call('HSET', key, 'holder', holder, 'token', int_text(token), 'until', int_text(end_ms), 'ttl', int_text(left))
  return end_ms
end

-- How many ms are left to this holder under this token; 0 = it has the claim no more.
local function left_to(key, holder, token)
  local held_by, held_token, _, left = read_claim(key)
  return held_by == holder and held_token == tonumber(token) and left or 0
end
