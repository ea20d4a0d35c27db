-- Writes tasks whose attempts have ended.
-- Which fields are read before depends on the end. If the first one is missing, the task no longer exists.
-- RECORD found: first_field
-- RECORD done_row: state
-- RECORD requeued_row: state; attempt_state
-- RECORD row: message; history
local FIELDS_BY_END = { [END.done] = { FIELDS.done_row }, [END.requeue] = { FIELDS.requeued_row } }
local OTHER_FIELDS = { FIELDS.row }

-- Collects what the queue's indexes get; `apply_moves` writes it with one command per index.
local function new_moves()
  return { completed = {}, retry = {}, due = {}, archived = {}, pending = {}, failed = 0, unreadable = 0, deleted = {} }
end

local function add_scored(list, score, id)
  local size = #list
  list[size + 1], list[size + 2] = score, id
end

local function release_lock(lock, id)
  if lock ~= '' and redis.pcall('GET', lock) == id then
    redis.call('DEL', lock)
  end
end

-- The attempt state of an attempt that is given back: the attempt is not used up, and counts as a deferral.
local function deferred_state(attempt_state)
  local started, attempts, crashes, deferrals, worker = string.match(attempt_state or '', '^(%d*);(%d+);(%d+);(%d+);(.*)$')
  attempts = math.max(0, (attempts or 0) - 1)
  return table.concat({ started or '', attempts, crashes or 0, (deferrals or 0) + 1, worker or '' }, ';')
end

-- Writes the hash of one task and adds it to `moves`. row: what is stored, see above.
local function end_task(moves, key, row, finish)
  local id, code = ARGV[finish].id, ARGV[finish].end_code
  if code == END.done then
    moves.deleted[#moves.deleted + 1] = key
    return release_lock(ARGV[finish].lock, id)
  end
  if code == END.requeue then
    local requeued_row = row
    local attempt_state = deferred_state(requeued_row.attempt_state)
    table.insert(moves.pending, 1, id)
    redis.call('HSET', key, FIELD.state, 'pending', FIELD.pending_since, now_ns, FIELD.attempt_state, attempt_state)
    return
  end
  local message = ARGV[finish].message
  if ARGV[finish].is_whole == '0' then
    message = row.message .. message
  end
  local lines = add_line(row.history, ARGV[finish].line)
  if code == END.keep or code == END.keep_result then
    message = message .. COMPLETED_NOW
    redis.call('HSET', key, FIELD.message, message, FIELD.state, 'completed', FIELD.history, lines)
    if code == END.keep_result then
      redis.call('HSET', key, FIELD.result, ARGV[finish].result)
    end
    add_scored(moves.completed, math.ceil(now / 1000) + ARGV[finish].retention_or_delay, id)
    return release_lock(ARGV[finish].lock, id)
  end
  if code ~= END.quarantine then
    message = message .. FAILED_NOW
  end
  if code == END.archive or code == END.quarantine then
    redis.call('HSET', key, FIELD.message, message, FIELD.state, 'archived', FIELD.history, lines)
    moves.archived[#moves.archived + 1] = id
    moves.unreadable = moves.unreadable + (code == END.quarantine and 1 or 0)
  else
    local ms = now + ARGV[finish].retention_or_delay
    redis.call(
      'HSET', key, FIELD.message, message, FIELD.state, 'retry', FIELD.history, lines, FIELD.due_ms, int_text(ms)
    )
    add_scored(moves.retry, int_text(math.ceil(ms / 1000)), id)
    add_scored(moves.due, int_text(ms), id)
  end
  if code == END.fail or code == END.archive then
    moves.failed = moves.failed + 1
  end
end

local function apply_moves(asynq, tc, moves)
  for _, name in ipairs({ 'completed', 'retry' }) do
    if #moves[name] > 0 then
      redis.call('ZADD', asynq .. name, unpack(moves[name]))
    end
  end
  if #moves.due > 0 then
    redis.call('ZADD', tc .. 'due', unpack(moves.due))
  end
  if #moves.archived > 0 then
    archive(asynq, moves.archived)
    count_anomaly(tc, 'archived', moves.unreadable)
  end
  if #moves.pending > 0 then
    redis.call('RPUSH', asynq .. 'pending', unpack(moves.pending))
  end
  if #moves.deleted > 0 then
    redis.call('DEL', unpack(moves.deleted))
  end
end
