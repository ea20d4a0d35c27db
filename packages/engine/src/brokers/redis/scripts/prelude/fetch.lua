-- Takes tasks of one queue.
-- Bytes of messages in one call: bounds the reply, and how long other clients wait. A single task always fits.
local MAX_BATCH_BYTES = 524288

-- The new attempt state of a task that is taken. A damaged one counts as empty.
local function next_attempt(attempt_state, worker)
  local attempts, crashes, deferrals = string.match(attempt_state, '^%d*;(%d+);(%d+);(%d+);')
  return table.concat({ int_text(now), (attempts or 0) + 1, crashes or 0, deferrals or 0, worker }, ';')
end

-- A fetch looks past this many tasks that are left to others.
local MAX_LEFT = 256

-- Own states of tasks that wait for something other than a time (`keep_waiting`).
local WAITING = { blocked = true, awaiting = true, held = true }

-- budget: room (tasks left to take), bytes (taken so far), length_ms of the leases, worker, and leave with leave_ms: how the
-- messages begin that are left to others, nil = none. Room and bytes are updated. Returns nil for a queue that is empty or
-- paused, else: token, IDs, rows (see `add_task_row`), IDs without a task, the key of a wrong type or '', and how many tasks
-- were left.
local function fetch(pending, budget)
  local ids = redis.pcall('LRANGE', pending, -budget.room - (budget.leave and MAX_LEFT or 0), -1)
  if ids.err then
    return 0, {}, {}, {}, pending, 0
  end
  local asynq, tc = key_prefixes(pending)
  if #ids == 0 or redis.call('EXISTS', asynq .. 'paused') == 1 then
    return nil
  end
  local wrong_key = find_wrong_type(asynq .. 'active', 'list', asynq .. 'lease', 'zset', tc .. 'tok', 'string')
  if wrong_key then
    return 0, {}, {}, {}, wrong_key, 0
  end
  local prefix, worker, bytes = asynq .. 't:', budget.worker, budget.bytes
  local first_state = int_text(now) .. ';1;0;0;' .. worker
  local taken, rows, dropped, left, cancelling, pop_count, taken_count, row_end = {}, {}, {}, {}, {}, 0, 0, 0
  for i = #ids, 1, -1 do
    if taken_count == budget.room then
      break
    end
    local id = ids[i]
    local key = prefix .. id
    local row = redis.pcall('HMGET', key, FIELDS.row)
    local message = row.message
    if not message then
      -- An ID without a task, or half a hash as Go's dequeue makes of one: drop both, or every worker meets them again.
      dropped[#dropped + 1] = id
      if row.state then
        redis.call('DEL', key)
      end
    elseif row.own_state and WAITING[row.own_state] and not find_wrong_type(asynq .. 'scheduled', 'zset') then
      keep_waiting(asynq, key, id)
    elseif row.own_state == 'cancelling' and row.state ~= 'active' then
      cancelling[#cancelling + 1] = id
    elseif budget.leave and is_left(budget, row) then
      left[#left + 1] = id
    elseif row.state ~= 'active' then
      if bytes > 0 and bytes + #message > MAX_BATCH_BYTES then
        budget.room = 0
        break
      end
      bytes = bytes + #message
      taken_count = taken_count + 1
      taken[taken_count] = id
      local attempt_state = row.attempt_state and next_attempt(row.attempt_state, worker)
      start(key, row, attempt_state or first_state)
      row_end = add_task_row(rows, row_end, id, row, attempt_state)
    end
    pop_count = pop_count + 1
  end
  remove_pending(pending, pop_count, left)
  budget.room, budget.bytes = math.max(0, budget.room - taken_count), bytes
  count_anomaly(tc, 'dropped', #dropped)
  cancel_found(asynq, tc, cancelling)
  local token = 0
  if taken_count > 0 then
    token = lease_tasks(asynq, tc, taken, budget.length_ms)
    add_total(tc, 'started', taken_count)
  end
  return token, taken, rows, dropped, '', #left
end

-- For a repeated call: rows of the tasks that the first one took and whose leases still have its token. Renews these leases.
local function fetch_again(pending, token, ids, length_ms)
  local asynq = key_prefixes(pending)
  local score, rows, row_end = lease_score(length_ms, token), {}, 0
  local scores = redis.call('ZMSCORE', asynq .. 'lease', unpack(ids))
  for i = 1, #ids do
    local row = scores[i] and token_in(tonumber(scores[i])) == token
      and redis.call('HMGET', asynq .. 't:' .. ids[i], FIELDS.row)
    if row and row.message then
      redis.call('ZADD', asynq .. 'lease', 'XX', score, ids[i])
      row_end = add_task_row(rows, row_end, ids[i], row, row.attempt_state)
    end
  end
  return rows
end
