-- now: the broker's time in ms. `ARGV.now` is 0 for Redis' own clock, else the time that a test sets. All processes share this
-- clock, so their own clocks may differ. now_s: whole seconds, as Asynq's scores and messages have them.
local now = tonumber(ARGV.now)
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local now_s = math.floor(now / 1000)

-- An integer as text; Lua's own conversion keeps only 14 digits.
local function int_text(n)
  return string.format('%.0f', n)
end

-- Nanoseconds for `pending_since`, as text: 19 digits are more than a double can hold.
local now_ns = int_text(now) .. '000000'
