-- What follows the end of attempts and of tasks. Every script that ends some calls `after_finish` once, behind `apply_moves`: one
-- more consequence is one more step in it. `finish-queue` does itself what is left for tasks without lock and history. The
-- attempt's line in the history is no step: it is part of the HSET of the move.

-- Deletes the unique locks that their tasks still hold. A key outside the queue is not a unique lock: it stays.
local function release_locks(asynq, locks)
  local prefix = asynq .. 'unique:'
  for i = 1, #locks, 2 do
    local lock, id = locks[i], locks[i + 1]
    if lock and string.sub(lock, 1, #prefix) == prefix and redis.pcall('GET', lock) == id then
      redis.call('DEL', lock)
    end
  end
end

local function after_finish(asynq, tc, moves)
  release_locks(asynq, moves.locks)
  count(asynq, moves.processed, moves.failed)
  for name, n in pairs(moves.totals) do
    add_total(tc, name, n)
  end
  if moves.unreadable > 0 then
    add_total(tc, 'quarantined', moves.unreadable)
    count_anomaly(tc, 'archived', moves.unreadable)
  end
  count_anomaly(tc, 'dropped', moves.dropped)
  if has_runs(tc) then
    end_moved_runs(asynq, tc, moves)
  end
end
