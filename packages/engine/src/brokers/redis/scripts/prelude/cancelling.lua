-- Tasks whose cancellation was asked for while they ran: their own state is `cancelling`. Nothing starts such a task again. A
-- script that ends, gives back, recovers, forwards or takes tasks reads the own state with the other fields that it needs, and
-- calls this in place of what it would have done. So other tasks pay nothing (ADR 22).
-- Shortest time that a cancelled task is kept. A request says how long; one that was damaged does not.
local MIN_CANCELLED_S = 3600

-- The line of an attempt that was cancelled, from the line that its worker wrote: another outcome, no next attempt and no reason
-- for one.
local function cancelled_line(line)
  local head, tail = string.match(line, '^(.-"o":")%a+(".*)$')
  if not head then
    return line
  end
  tail = string.gsub(tail, '^","a":%d+', '"')
  -- Of the same length, but without escaped quotes.
  local unescaped = string.gsub(tail, '\\.', '__')
  local _, reason_end = string.find(unescaped, '^","r":"[^"]*"')
  if reason_end then
    tail = '"' .. string.sub(tail, reason_end + 1)
  end
  return head .. 'cancelled' .. tail
end

-- The same for an attempt without a line, from its attempt state.
local function unwritten_line(attempt_state)
  local started, attempts, worker = string.match(attempt_state or '', '^(%d+);(%d+);%d+;%d+;([%w_.:-]*)$')
  local worker_field = worker and worker ~= '' and ',"w":"' .. worker .. '"' or ''
  return string.format(
    '{"n":%d,"s":%s,"f":%.0f,"o":"cancelled"%s}', attempts or 1, started or int_text(now), now, worker_field
  )
end

-- Any state that is not final → cancelled. The caller has taken the ID out of its index. line: of the attempt that ends with it,
-- nil = none does; `...`: more fields and values. A key of a wrong type is renamed here, because the caller has written already.
-- RECORD request: message; cancellation; unique_key; history
local function end_cancelling(asynq, tc, moves, key, id, line, ...)
  for _, name in ipairs({ 'completed', 'st:cancelled', 'st:cancelling' }) do
    local index = (name == 'completed' and asynq or tc) .. name
    if find_wrong_type(index, 'zset') then
      rename_key(tc, index, name)
    end
  end
  local request = redis.call('HMGET', key, FIELDS.request)
  local keep_s = string.match(request.cancellation or '', '^{"at":%d+,"keep":(%d+)') or MIN_CANCELLED_S
  cancel(moves, key, id, math.ceil(now / 1000) + keep_s, ...)
  redis.call('ZREM', tc .. 'st:cancelling', id)
  if request.message then
    redis.call('HSET', key, FIELD.message, request.message .. COMPLETED_NOW)
  end
  if line then
    redis.call('HSET', key, FIELD.history, add_line(request.history, line))
    moves.processed = moves.processed + 1
    tally(moves, 'cancelled_running')
  end
  add_pair(moves.locks, request.unique_key, id)
end
