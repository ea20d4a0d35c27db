-- Scripts get a queue as the key of its pending list, `asynq:{queue}:pending`, whether they use that list or not: all other
-- keys have its prefixes. Returns these: `asynq:{queue}:` for Asynq's keys and `tc:{queue}:` for ours.
local function key_prefixes(pending)
  local asynq = string.sub(pending, 1, -8)
  return asynq, 'tc:' .. string.sub(asynq, 7)
end

-- A stored number if it is a whole one from 0 to below 10^15; else nil. Foreign processes may have written anything.
local function valid_integer(text)
  local n = tonumber(text or '')
  return n and n >= 0 and n < 1e15 and n == math.floor(n) and n or nil
end

-- Counts anomalies for operators in `tc:{queue}:odd`: IDs `dropped` as they had no task, unreadable tasks `archived`, keys of a
-- wrong type renamed (`aside`).
local function count_anomaly(tc, field, n)
  if n == 0 then
    return
  end
  local anomalies = tc .. 'odd'
  if redis.call('TYPE', anomalies).ok ~= 'hash' then
    redis.call('DEL', anomalies)
  end
  redis.call('HSET', anomalies, field, int_text((valid_integer(redis.call('HGET', anomalies, field)) or 0) + n))
end

-- Renames a key of a wrong type to `tc:{queue}:aside:<name>:<seconds>`. Under its own name it would stop all scripts that need
-- it, Go's too; the copy can be examined.
local function rename_key(tc, key, name)
  redis.call('RENAME', key, tc .. 'aside:' .. name .. ':' .. now_s)
  count_anomaly(tc, 'aside', 1)
end

-- Takes keys and types in turn. Returns the first key that exists with another type, or nil.
local function find_wrong_type(...)
  local keys_and_types = { ... }
  for i = 1, #keys_and_types, 2 do
    local actual = redis.call('TYPE', keys_and_types[i]).ok
    if actual ~= keys_and_types[i + 1] and actual ~= 'none' then
      return keys_and_types[i]
    end
  end
  return nil
end
