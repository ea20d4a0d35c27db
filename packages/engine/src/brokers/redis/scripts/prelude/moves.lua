-- What the moves of a script collect for lists and sets, with what `after_finish` needs: `apply_moves` writes it with one command for
-- each. The moves themselves are in `move`.
local function new_moves()
  return {
    completed = {}, cancelled = {}, retry = {}, scheduled = {}, due = {}, archived = {}, requeued = {}, pending = {}, removed = {},
    -- For `after_finish`: unique locks to release, each with the ID that holds it; attempts that ended, and those of them that
    -- failed; messages that cannot be read; IDs without a task; whether those of `removed` have not ended by themselves.
    locks = {}, processed = 0, failed = 0, unreadable = 0, dropped = 0, are_gone = false,
    -- What `tally` has counted, by name of the counter.
    totals = {},
  }
end

local function tally(moves, name)
  moves.totals[name] = (moves.totals[name] or 0) + 1
end

local function add_pair(list, first, second)
  local size = #list
  list[size + 1], list[size + 2] = first, second
end

local function write_all(command, key, values)
  if #values > 0 then
    redis.call(command, key, unpack(values))
  end
end

local function apply_moves(asynq, tc, moves)
  write_all('ZADD', asynq .. 'completed', moves.completed)
  write_all('ZADD', tc .. 'st:cancelled', moves.cancelled)
  write_all('ZADD', asynq .. 'retry', moves.retry)
  write_all('ZADD', asynq .. 'scheduled', moves.scheduled)
  write_all('ZADD', tc .. 'due', moves.due)
  if #moves.archived > 0 then
    add_to_archive(asynq, moves.archived)
  end
  write_all('RPUSH', asynq .. 'pending', moves.requeued)
  write_all('LPUSH', asynq .. 'pending', moves.pending)
  if #moves.removed > 0 then
    remove_tasks(moves.removed)
  end
end
