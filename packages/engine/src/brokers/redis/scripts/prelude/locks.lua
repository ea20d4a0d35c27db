-- Deletes the lock if this task still holds it.
local function unlock(asynq, lock, id)
  local prefix = asynq .. 'unique:'
  if lock and string.sub(lock, 1, #prefix) == prefix and redis.pcall('GET', lock) == id then
    redis.call('DEL', lock)
  end
end
