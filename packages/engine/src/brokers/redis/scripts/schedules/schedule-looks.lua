-- @use time names
-- schedule-looks: which queues have schedules, and when they must be looked at. Reads only; queues without schedules share a command.
-- KEYS   pending_lists...: they name the queues
-- ARGV   now; queues: their number
-- TOUCHES names, next
-- RETURN now; then per queue that has schedules: its position from 0, the next look in ms ('' = none waits)
-- BOUND  256 queues
local GROUP = 16
local first, reply = INDEX.pending_lists, { int_text(now) }
for start = 0, ARGV.queues - 1, GROUP do
  local keys = {}
  for i = start, math.min(start + GROUP, ARGV.queues) - 1 do
    local _, tc = key_prefixes(KEYS[first + i])
    keys[#keys + 1] = tc .. 'names'
  end
  if redis.call('EXISTS', unpack(keys)) > 0 then
    for i, key in ipairs(keys) do
      if redis.call('EXISTS', key) == 1 then
        local head = redis.pcall('ZRANGE', string.sub(key, 1, -6) .. 'next', 0, 0, 'WITHSCORES')
        reply[#reply + 1] = { start + i - 1, head[2] or '' }
      end
    end
  end
end
return reply
