-- now: the broker's time in ms (reliability F.2); ARGV[1] is 0 for Redis' own clock, else what a test says.
-- now_s: whole seconds, as Asynq's scores and messages have them.
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local now_s = math.floor(now / 1000)

-- An integer as text: Lua's own conversion keeps 14 digits.
local function whole(n)
  return string.format('%.0f', n)
end

-- Nanoseconds for `pending_since`, as text: they have 19 digits (protocol 0, hazard 2).
local now_ns = whole(now) .. '000000'
