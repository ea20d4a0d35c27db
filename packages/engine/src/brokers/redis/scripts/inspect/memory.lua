-- @use time names
-- memory: estimates the memory that the tasks and schedules of one queue take, from samples.
-- KEYS   pending
-- ARGV   now
-- TOUCHES active, scheduled, retry, archived, completed, groups, g:*, sch, names, next, soon, failing, fl, watch, sl:*, fires:*, t:*
-- RETURN bytes
-- BOUND  20 tasks of each state, 5 groups of 20 tasks, 20 schedules
local SAMPLE, MAX_GROUPS = 20, 5
local asynq, tc = key_prefixes(KEYS.pending)

-- Mean size of the tasks that exist; IDs without a task are left out.
local function mean_size(ids)
  local sum, found = 0, 0
  for i = 1, #ids do
    local bytes = redis.call('MEMORY', 'USAGE', asynq .. 't:' .. ids[i])
    if bytes then
      sum, found = sum + bytes, found + 1
    end
  end
  return found == 0 and 0 or sum / found
end

-- The reply of a command, or an empty table if its key has a wrong type: the rest is estimated all the same.
local function call_or_empty(...)
  local reply = redis.pcall(...)
  return type(reply) == 'table' and reply.err and {} or reply
end

local bytes = 0
for _, name in ipairs({ 'pending', 'active' }) do
  local key = asynq .. name
  local length = call_or_empty('LLEN', key)
  if type(length) == 'number' and length > 0 then
    -- Samples from both ends: neither the oldest nor the newest alone are typical.
    local ids = redis.call('LRANGE', key, 0, SAMPLE / 2 - 1)
    for _, id in ipairs(length > SAMPLE / 2 and redis.call('LRANGE', key, -SAMPLE / 2, -1) or {}) do
      ids[#ids + 1] = id
    end
    bytes = bytes + mean_size(ids) * length + redis.call('MEMORY', 'USAGE', key)
  end
end
local function estimate_set(key)
  local size = call_or_empty('ZCARD', key)
  if type(size) ~= 'number' or size == 0 then
    return 0
  end
  return mean_size(redis.call('ZRANDMEMBER', key, SAMPLE)) * size + redis.call('MEMORY', 'USAGE', key)
end
for _, name in ipairs({ 'scheduled', 'retry', 'archived', 'completed' }) do
  bytes = bytes + estimate_set(asynq .. name)
end
local groups = call_or_empty('SRANDMEMBER', asynq .. 'groups', MAX_GROUPS)
if #groups > 0 then
  local sum = 0
  for _, group in ipairs(groups) do
    sum = sum + estimate_set(asynq .. 'g:' .. group)
  end
  bytes = bytes + sum / #groups * redis.call('SCARD', asynq .. 'groups')
end
local schedules = call_or_empty('ZCARD', tc .. 'names')
if type(schedules) == 'number' and schedules > 0 then
  local names, sum = redis.call('ZRANDMEMBER', tc .. 'names', SAMPLE), 0
  for _, name in ipairs(names) do
    for _, key in ipairs({ 'sl:', 'fires:' }) do
      sum = sum + (redis.call('MEMORY', 'USAGE', tc .. key .. name) or 0)
    end
  end
  bytes = bytes + sum / #names * schedules
  for _, key in ipairs({ 'sch', 'names', 'next', 'soon', 'failing', 'fl', 'watch' }) do
    bytes = bytes + (redis.call('MEMORY', 'USAGE', tc .. key) or 0)
  end
end
return math.floor(bytes)
