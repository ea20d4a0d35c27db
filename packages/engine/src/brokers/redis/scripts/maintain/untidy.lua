-- @use time names
-- untidy: in which queues something has expired, running tasks must be cancelled, tasks of schedules have not ended, tasks are active
-- without any lease, or a key cannot be read. Reads only; empty queues share a command.
-- KEYS   pending_lists...: they name the queues
-- ARGV   now; queues: their number
-- TOUCHES active, lease, archived, completed, aggregation_sets, st:cancelling, watch, fl
-- RETURN positions of these queues, from 0
-- BOUND  256 queues
-- Queues that share a command while they have nothing.
local GROUP = 16
-- Asynq's bounds of an archive, as `trim_archive` has them.
local MAX_ARCHIVED, MAX_ARCHIVED_S = 9999, 7776000
-- How long the history of schedules is kept, as `expire-fires` has it.
local KEEP_FIRES_MS = 2592000000
local first, found = INDEX.pending_lists, {}

-- Whether the set has a score up to this one, or is no sorted set.
local function has_until(key, score)
  local head = redis.pcall('ZRANGE', key, 0, 0, 'WITHSCORES')
  return head.err ~= nil or (head[2] ~= nil and tonumber(head[2]) <= score)
end

local function is_untidy(pending, active, completed, sets, archived, cancelling, watch, fires)
  local asynq = key_prefixes(pending)
  if redis.call('EXISTS', cancelling, watch) > 0 or redis.call('EXISTS', active) == 1 and redis.call('EXISTS', asynq .. 'lease') == 0 then
    return true
  end
  if type(redis.pcall('LLEN', pending)) ~= 'number' or has_until(completed, now_s) or has_until(sets, now_s) then
    return true
  end
  return has_until(fires, now - KEEP_FIRES_MS) or has_until(archived, now_s - MAX_ARCHIVED_S) or redis.call('ZCARD', archived) > MAX_ARCHIVED
end

for start = 0, ARGV.queues - 1, GROUP do
  local count, keys = math.min(GROUP, ARGV.queues - start), {}
  for i = 0, count - 1 do
    local pending = KEYS[first + start + i]
    local asynq, tc = key_prefixes(pending)
    keys[8 * i + 1], keys[8 * i + 2], keys[8 * i + 3] = pending, asynq .. 'active', asynq .. 'completed'
    keys[8 * i + 4], keys[8 * i + 5], keys[8 * i + 6] = asynq .. 'aggregation_sets', asynq .. 'archived', tc .. 'st:cancelling'
    keys[8 * i + 7], keys[8 * i + 8] = tc .. 'watch', tc .. 'fl'
  end
  if redis.call('EXISTS', unpack(keys)) > 0 then
    for i = 0, count - 1 do
      if is_untidy(unpack(keys, 8 * i + 1, 8 * i + 8)) then
        found[#found + 1] = start + i
      end
    end
  end
end
return found
