-- Writes tasks whose attempts have ended. The codes of ends are described in the prelude `finish-queue`.
-- Fields to read before writing, by code. If the first one is missing, the task no longer exists.
local FIELDS = { d = { 'state', 'state' }, q = { 'state', 'tc:a' } }
local MESSAGE_AND_HISTORY = { 'msg', 'tc:x' }

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

-- `tc:a` of an attempt that is given back: the attempt is not used up, and counts as a deferral.
local function deferred_state(attempt_state)
  local started, attempts, crashes, deferrals, worker = string.match(attempt_state or '', '^(%d*);(%d+);(%d+);(%d+);(.*)$')
  attempts = math.max(0, (attempts or 0) - 1)
  return table.concat({ started or '', attempts, crashes or 0, (deferrals or 0) + 1, worker or '' }, ';')
end

-- Writes the hash of one task and adds it to `moves`. p: index of its values in ARGV; row: its stored FIELDS.
local function end_task(moves, key, row, p)
  local id, code = ARGV[p], ARGV[p + 2]
  if code == 'd' then
    moves.deleted[#moves.deleted + 1] = key
    return release_lock(ARGV[p + 7], id)
  end
  if code == 'q' then
    table.insert(moves.pending, 1, id)
    redis.call('HSET', key, 'state', 'pending', 'pending_since', now_ns, 'tc:a', deferred_state(row[2]))
    return
  end
  local message = ARGV[p + 5]
  if ARGV[p + 4] == '0' then
    message = row[1] .. message
  end
  local lines = add_line(row[2], ARGV[p + 3])
  if code == 'k' or code == 'K' then
    message = message .. COMPLETED_NOW
    redis.call('HSET', key, 'msg', message, 'state', 'completed', 'tc:x', lines)
    if code == 'K' then
      redis.call('HSET', key, 'result', ARGV[p + 8])
    end
    add_scored(moves.completed, math.ceil(now / 1000) + ARGV[p + 6], id)
    return release_lock(ARGV[p + 7], id)
  end
  if code ~= 'u' then
    message = message .. FAILED_NOW
  end
  if code == 'a' or code == 'u' then
    redis.call('HSET', key, 'msg', message, 'state', 'archived', 'tc:x', lines)
    moves.archived[#moves.archived + 1] = id
    moves.unreadable = moves.unreadable + (code == 'u' and 1 or 0)
  else
    local ms = now + ARGV[p + 6]
    redis.call('HSET', key, 'msg', message, 'state', 'retry', 'tc:x', lines, 'tc:d', int_text(ms))
    add_scored(moves.retry, int_text(math.ceil(ms / 1000)), id)
    add_scored(moves.due, int_text(ms), id)
  end
  if code == 'f' or code == 'a' then
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
