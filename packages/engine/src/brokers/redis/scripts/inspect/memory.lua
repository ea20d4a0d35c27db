-- @use time names
-- memory: estimates what the tasks of one queue take.
-- KEYS   1 pending
-- ARGV   1 now
-- RETURN bytes
-- BOUND  20 tasks of each state, 5 groups of 20 tasks
local SAMPLE, GROUPS = 20, 5
local asynq = names_of(KEYS[1])

-- Mean size of those tasks that exist (protocol D7); no key of a wrong type fails the rest.
local function mean(ids)
  local sum, found = 0, 0
  for i = 1, #ids do
    local bytes = redis.call('MEMORY', 'USAGE', asynq .. 't:' .. ids[i])
    if bytes then
      sum, found = sum + bytes, found + 1
    end
  end
  return found == 0 and 0 or sum / found
end

local function ask(...)
  local reply = redis.pcall(...)
  return type(reply) == 'table' and reply.err and {} or reply
end

local bytes = 0
for _, name in ipairs({ 'pending', 'active' }) do
  local key = asynq .. name
  local length = ask('LLEN', key)
  if type(length) == 'number' and length > 0 then
    -- From both ends: neither the oldest nor the newest alone stand for all.
    local ids = redis.call('LRANGE', key, 0, SAMPLE / 2 - 1)
    for _, id in ipairs(length > SAMPLE / 2 and redis.call('LRANGE', key, -SAMPLE / 2, -1) or {}) do
      ids[#ids + 1] = id
    end
    bytes = bytes + mean(ids) * length + redis.call('MEMORY', 'USAGE', key)
  end
end
local function of_set(key)
  local size = ask('ZCARD', key)
  if type(size) ~= 'number' or size == 0 then
    return 0
  end
  return mean(redis.call('ZRANDMEMBER', key, SAMPLE)) * size + redis.call('MEMORY', 'USAGE', key)
end
for _, name in ipairs({ 'scheduled', 'retry', 'archived', 'completed' }) do
  bytes = bytes + of_set(asynq .. name)
end
local groups = ask('SRANDMEMBER', asynq .. 'groups', GROUPS)
if #groups > 0 then
  local sum = 0
  for _, group in ipairs(groups) do
    sum = sum + of_set(asynq .. 'g:' .. group)
  end
  bytes = bytes + sum / #groups * redis.call('SCARD', asynq .. 'groups')
end
return math.floor(bytes)
