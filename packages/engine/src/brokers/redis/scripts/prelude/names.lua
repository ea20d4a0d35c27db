-- A queue is named by its pending list; the names of its other keys follow: Asynq's and ours begin with these.
local function names_of(pending)
  local asynq = string.sub(pending, 1, -8)
  return asynq, 'tc:' .. string.sub(asynq, 7)
end

-- A stored number that is one: whole, not negative and not absurd; else nil.
local function sane(text)
  local n = tonumber(text or '')
  return n and n >= 0 and n < 1e15 and n == math.floor(n) and n or nil
end

-- What was met that is no task is counted for people: `dropped`, `archived` or `aside` (data model, odd).
local function note(tc, field, n)
  if n == 0 then
    return
  end
  local odd = tc .. 'odd'
  if redis.call('TYPE', odd).ok ~= 'hash' then
    redis.call('DEL', odd)
  end
  redis.call('HSET', odd, field, whole((sane(redis.call('HGET', odd, field)) or 0) + n))
end

-- A key of a wrong type stops all scripts that need it, Go's too: under another name it can be looked at.
local function put_aside(tc, key, name)
  redis.call('RENAME', key, tc .. 'aside:' .. name .. ':' .. now_s)
  note(tc, 'aside', 1)
end

-- The first key that is there with another type than it should have; takes keys and types in turn.
local function misfit(...)
  local all = { ... }
  for i = 1, #all, 2 do
    local found = redis.call('TYPE', all[i]).ok
    if found ~= all[i + 1] and found ~= 'none' then
      return all[i]
    end
  end
  return nil
end
