-- Writes tasks whose attempts have ended. Which fields are read before depends on the end. If the first one is missing, the task
-- no longer exists.
-- RECORD found: first_field
-- RECORD done_row: state
-- RECORD given_back_row: state; own_state; attempt_state
-- RECORD revoked_row: state; own_state
-- RECORD row: message; own_state; history
local FIELDS_BY_END = {
  [END.done] = { FIELDS.done_row },
  [END.revoke] = { FIELDS.revoked_row },
  [END.requeue] = { FIELDS.given_back_row },
  [END.defer] = { FIELDS.given_back_row },
}
local OTHER_FIELDS = { FIELDS.row }
-- Ends that a request to cancel does not change: a success stands, and an unreadable task is kept for people to look at.
local KEPT = { [END.done] = true, [END.keep] = true, [END.keep_result] = true, [END.quarantine] = true }

-- Whether the task ends as cancelled, whatever its worker says. The own state is the second field of all rows but `done_row`.
local function is_cancelling(row, code)
  return not KEPT[code] and row.own_state == 'cancelling'
end

-- Ends of an attempt that are not counted as processed.
local UNPROCESSED = { [END.requeue] = true, [END.defer] = true, [END.retry] = true, [END.quarantine] = true }

-- The attempt state of an attempt that is given back: the attempt is not used up, and counts as a deferral. reason: what the
-- task waits for, or ''. The next fetch writes the attempt state anew, without it.
local function given_back_state(attempt_state, reason)
  local started, attempts, crashes, deferrals, worker = string.match(attempt_state or '', '^(%d*);(%d+);(%d+);(%d+);([^;]*)')
  attempts = math.max(0, (attempts or 0) - 1)
  local state = table.concat({ started or '', attempts, crashes or 0, (deferrals or 0) + 1, worker or '' }, ';')
  return reason == '' and state or state .. ';' .. reason
end

local FAILED = { [END.retry] = true, [END.fail] = true, [END.archive] = true }
-- Keeps the stack of the first attempt that failed, and of the newest one.
local function keep_stack(key, stack)
  if stack ~= '' and redis.call('HSETNX', key, FIELD.first_stack, stack) == 0 then
    redis.call('HSET', key, FIELD.newest_stack, stack)
  end
end

-- Moves one task. row: what is stored, see above.
local function end_task(tc, moves, key, row, finish)
  local id, code, lock = ARGV[finish].id, ARGV[finish].end_code, ARGV[finish].lock
  if lock ~= '' then
    add_pair(moves.locks, lock, id)
  end
  if code == END.done or code == END.revoke then
    moves.removed[#moves.removed + 1] = key
    if code == END.revoke then
      tally(moves, 'revoked')
    end
    return
  elseif code == END.requeue then
    local given_back_row = row
    requeue(moves, key, id, 'deferred', FIELD.attempt_state, given_back_state(given_back_row.attempt_state, ''))
    return
  elseif code == END.defer then
    local given_back_row = row
    local attempt_state = given_back_state(given_back_row.attempt_state, ARGV[finish].line)
    defer(moves, key, id, now + ARGV[finish].retention_or_delay, attempt_state)
    return
  end
  local message = ARGV[finish].message
  if ARGV[finish].is_whole == '0' then
    message = row.message .. message
  end
  local history = add_line(row.history, ARGV[finish].line)
  if code == END.keep or code == END.keep_result then
    local expires_s = math.ceil(now / 1000) + ARGV[finish].retention_or_delay
    complete(moves, key, id, expires_s, FIELD.message, message .. COMPLETED_NOW, FIELD.history, history)
    if row.own_state == 'cancelling' then
      drop_request(tc, key, id)
    end
    if code == END.keep_result then
      redis.call('HSET', key, FIELD.result, ARGV[finish].result_or_stack)
    end
  elseif code == END.retry or code == END.fail then
    retry(moves, key, id, now + ARGV[finish].retention_or_delay, message .. FAILED_NOW, history)
  elseif code == END.archive then
    archive(moves, key, id, FIELD.message, message .. FAILED_NOW, FIELD.history, history)
  else
    archive(moves, key, id, FIELD.message, message, FIELD.history, history)
    moves.unreadable = moves.unreadable + 1
    tally(moves, 'unreadable')
  end
  if FAILED[code] then
    keep_stack(key, ARGV[finish].result_or_stack)
  end
  if code == END.fail or code == END.archive then
    moves.failed = moves.failed + 1
  elseif code == END.retry then
    tally(moves, 'uncounted')
  end
end

-- Ends one task as cancelled. Its attempt counts as processed, not as failed.
local function cancel_task(asynq, tc, moves, key, row, finish)
  local given_back_row, code, line = row, ARGV[finish].end_code
  if code == END.requeue or code == END.defer then
    line = unwritten_line(given_back_row.attempt_state)
  else
    line = cancelled_line(ARGV[finish].line)
  end
  end_cancelling(asynq, tc, moves, key, ARGV[finish].id, line)
end
