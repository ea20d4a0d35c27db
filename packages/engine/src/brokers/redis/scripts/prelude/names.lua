-- A queue is named by its pending list; the names of its other keys follow: Asynq's and ours begin with these.
local function names_of(pending)
  local asynq = string.sub(pending, 1, -8)
  return asynq, 'tc:' .. string.sub(asynq, 7)
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
