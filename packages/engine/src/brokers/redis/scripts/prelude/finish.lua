-- Writes tasks whose attempts have ended. Which fields are read before depends on the end. If the first one is missing, the task
-- no longer exists.
-- RECORD found: first_field
-- RECORD done_row: state
-- RECORD requeued_row: state; attempt_state
-- RECORD row: message; history
local FIELDS_BY_END = { [END.done] = { FIELDS.done_row }, [END.requeue] = { FIELDS.requeued_row } }
local OTHER_FIELDS = { FIELDS.row }

-- The attempt state of an attempt that is given back: the attempt is not used up, and counts as a deferral.
local function deferred_state(attempt_state)
  local started, attempts, crashes, deferrals, worker = string.match(attempt_state or '', '^(%d*);(%d+);(%d+);(%d+);(.*)$')
  attempts = math.max(0, (attempts or 0) - 1)
  return table.concat({ started or '', attempts, crashes or 0, (deferrals or 0) + 1, worker or '' }, ';')
end

-- The message with what the attempt changed in it.
local function message_after(row, finish)
  local message = ARGV[finish].message
  return ARGV[finish].is_whole == '0' and row.message .. message or message
end

-- Per end: moves one task. row: what is stored, see above.
local function remove_done(moves, key, _, finish)
  moves.removed[#moves.removed + 1] = key
  add_pair(moves.locks, ARGV[finish].lock, ARGV[finish].id)
end

local function keep_success(moves, key, row, finish)
  local message, id = message_after(row, finish) .. COMPLETED_NOW, ARGV[finish].id
  local expires_s = math.ceil(now / 1000) + ARGV[finish].retention_or_delay
  local lines = add_line(row.history, ARGV[finish].line)
  complete(moves, key, id, expires_s, FIELD.message, message, FIELD.history, lines)
  if ARGV[finish].end_code == END.keep_result then
    redis.call('HSET', key, FIELD.result, ARGV[finish].result)
  end
  add_pair(moves.locks, ARGV[finish].lock, id)
end

local function retry_later(moves, key, row, finish)
  local message = message_after(row, finish) .. FAILED_NOW
  local ms = now + ARGV[finish].retention_or_delay
  retry(moves, key, ARGV[finish].id, ms, message, add_line(row.history, ARGV[finish].line))
end

local function archive_for_good(moves, key, row, finish)
  local message = message_after(row, finish)
  if ARGV[finish].end_code == END.quarantine then
    moves.unreadable = moves.unreadable + 1
  else
    message = message .. FAILED_NOW
  end
  local lines = add_line(row.history, ARGV[finish].line)
  archive(moves, key, ARGV[finish].id, FIELD.message, message, FIELD.history, lines)
end

local function give_back(moves, key, requeued_row, finish)
  requeue(moves, key, ARGV[finish].id, FIELD.attempt_state, deferred_state(requeued_row.attempt_state))
end

local MOVE_BY_END = {
  [END.done] = remove_done, [END.keep] = keep_success, [END.keep_result] = keep_success, [END.retry] = retry_later,
  [END.fail] = retry_later, [END.archive] = archive_for_good, [END.quarantine] = archive_for_good, [END.requeue] = give_back,
}
-- Ends that Asynq's counters count as processed; those of them that they count as failed.
local IS_PROCESSED = {
  [END.done] = true, [END.keep] = true, [END.keep_result] = true, [END.fail] = true, [END.archive] = true,
}
local IS_FAILED = { [END.fail] = true, [END.archive] = true }
