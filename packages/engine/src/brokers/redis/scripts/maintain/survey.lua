-- @use time names
-- survey: which queues have leases, and when their next tasks are due. Reads only; idle queues share a command.
-- KEYS   pending_lists...: they name the queues
-- ARGV   now; queues: their number
-- TOUCHES lease, scheduled, retry, due
-- RETURN now; then per queue that has something: its position from 0, whether it has leases (1/0), next due time in ms
--        (nil = none), whether a key has a wrong type (1/0)
-- BOUND  256 queues
-- Queues that share a command while they have nothing.
local GROUP = 16
-- Scores from here on are beyond all dates: nothing wakes up for them.
local NEVER_MS = 8640000000000000
local first, reply = INDEX.pending_lists, { int_text(now) }
local is_untidy

-- The first score of a sorted set; nil = it is empty, or no sorted set.
local function first_score(key)
  local head = redis.pcall('ZRANGE', key, 0, 0, 'WITHSCORES')
  is_untidy = is_untidy or head.err ~= nil
  return tonumber(head[2] or '')
end

-- Scores of `due` are in ms, the others in s.
local function survey(position, lease, scheduled, retry)
  local _, tc = key_prefixes(KEYS[first + position])
  is_untidy = false
  local size = redis.pcall('ZCARD', lease)
  local next_ms = math.min(
    first_score(tc .. 'due') or NEVER_MS, (first_score(scheduled) or NEVER_MS) * 1000, (first_score(retry) or NEVER_MS) * 1000
  )
  reply[#reply + 1] = {
    position,
    size ~= 0 and 1 or 0,
    next_ms < NEVER_MS and int_text(math.max(0, next_ms)),
    (is_untidy or type(size) ~= 'number') and 1 or 0,
  }
end

for start = 0, ARGV.queues - 1, GROUP do
  local count, keys = math.min(GROUP, ARGV.queues - start), {}
  for i = 0, count - 1 do
    local asynq = key_prefixes(KEYS[first + start + i])
    keys[3 * i + 1], keys[3 * i + 2], keys[3 * i + 3] = asynq .. 'lease', asynq .. 'scheduled', asynq .. 'retry'
  end
  if redis.call('EXISTS', unpack(keys)) > 0 then
    for i = 0, count - 1 do
      if redis.call('EXISTS', unpack(keys, 3 * i + 1, 3 * i + 3)) > 0 then
        survey(start + i, unpack(keys, 3 * i + 1, 3 * i + 3))
      end
    end
  end
end
return reply
