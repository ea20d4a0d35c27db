-- Deletes a task's unique lock if the task still holds it. A key outside the queue is not a unique lock: it stays.
local function unlock(asynq, lock, id)
  local prefix = asynq .. 'unique:'
  if lock and string.sub(lock, 1, #prefix) == prefix and redis.pcall('GET', lock) == id then
    redis.call('DEL', lock)
  end
end
