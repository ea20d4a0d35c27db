-- How a task is written whose attempt has ended, by verb: see the prelude `finish-queue`.
-- What must be known of the task before it is written; a missing first field means that it is gone.
local FIELDS = { d = { 'state', 'state' }, q = { 'state', 'tc:a' } }
local KEEPING = { 'msg', 'tc:x' }

-- What a task's index gets at the end, by queue.
local function new_moves()
  return { completed = {}, retry = {}, due = {}, archived = {}, pending = {}, failed = 0, unreadable = 0, gone = {} }
end

local function add_scored(list, score, id)
  local at = #list
  list[at + 1], list[at + 2] = score, id
end

local function release(lock, id)
  if lock ~= '' and redis.pcall('GET', lock) == id then
    redis.call('DEL', lock)
  end
end

-- `tc:a` of an attempt that is given back: not used up, but told.
local function deferred(a)
  local started, attempts, crashes, deferrals, worker = string.match(a or '', '^(%d*);(%d+);(%d+);(%d+);(.*)$')
  attempts = math.max(0, (attempts or 0) - 1)
  return table.concat({ started or '', attempts, crashes or 0, (deferrals or 0) + 1, worker or '' }, ';')
end

-- Writes one task that is not a plain success; row: its fields as they are stored.
local function end_task(moves, key, row, p)
  local id, verb = ARGV[p], ARGV[p + 2]
  if verb == 'd' then
    moves.gone[#moves.gone + 1] = key
    return release(ARGV[p + 7], id)
  end
  if verb == 'q' then
    table.insert(moves.pending, 1, id)
    redis.call('HSET', key, 'state', 'pending', 'pending_since', now_ns, 'tc:a', deferred(row[2]))
    return
  end
  local message = ARGV[p + 5]
  if ARGV[p + 4] == '0' then
    message = row[1] .. message
  end
  local lines = add_line(row[2], ARGV[p + 3])
  if verb == 'k' or verb == 'K' then
    message = message .. COMPLETED_NOW
    redis.call('HSET', key, 'msg', message, 'state', 'completed', 'tc:x', lines)
    if verb == 'K' then
      redis.call('HSET', key, 'result', ARGV[p + 8])
    end
    add_scored(moves.completed, math.ceil(now / 1000) + ARGV[p + 6], id)
    return release(ARGV[p + 7], id)
  end
  if verb ~= 'u' then
    message = message .. FAILED_NOW
  end
  if verb == 'a' or verb == 'u' then
    redis.call('HSET', key, 'msg', message, 'state', 'archived', 'tc:x', lines)
    moves.archived[#moves.archived + 1] = id
    moves.unreadable = moves.unreadable + (verb == 'u' and 1 or 0)
  else
    local ms = now + ARGV[p + 6]
    redis.call('HSET', key, 'msg', message, 'state', 'retry', 'tc:x', lines, 'tc:d', whole(ms))
    add_scored(moves.retry, whole(math.ceil(ms / 1000)), id)
    add_scored(moves.due, whole(ms), id)
  end
  if verb == 'f' or verb == 'a' then
    moves.failed = moves.failed + 1
  end
end

local function apply(asynq, tc, moves)
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
    note(tc, 'archived', moves.unreadable)
  end
  if #moves.pending > 0 then
    redis.call('RPUSH', asynq .. 'pending', unpack(moves.pending))
  end
  if #moves.gone > 0 then
    redis.call('DEL', unpack(moves.gone))
  end
end
