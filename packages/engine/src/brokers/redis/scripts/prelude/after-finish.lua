-- What follows the end of attempts and of tasks, in steps. Every script that ends some calls `after_finish` once, behind
-- `apply_moves`; `finish-queue` does itself what is left for tasks without lock and history. One more consequence is one more step.
-- The attempt's line in the history is not one: it is part of the HSET of the move.

-- Deletes a unique lock if the task still holds it. A key outside the queue is not a unique lock: it stays.
local function release_lock(asynq, lock, id)
  local prefix = asynq .. 'unique:'
  if lock and string.sub(lock, 1, #prefix) == prefix and redis.pcall('GET', lock) == id then
    redis.call('DEL', lock)
  end
end

local STEPS = {
  function(asynq, _, moves)
    for i = 1, #moves.locks, 2 do
      release_lock(asynq, moves.locks[i], moves.locks[i + 1])
    end
  end,
  function(asynq, _, moves)
    count(asynq, moves.processed, moves.failed)
  end,
  function(_, tc, moves)
    count_anomaly(tc, 'archived', moves.unreadable)
    count_anomaly(tc, 'dropped', moves.dropped)
  end,
}

local function after_finish(asynq, tc, moves)
  for _, step in ipairs(STEPS) do
    step(asynq, tc, moves)
  end
end
