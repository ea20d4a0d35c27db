#!lua flags=allow-oom
-- @use time names totals bytes history counters leases remove archive moves move run-ends after-finish cancelling expired lost
-- recover: takes back tasks of one queue whose lease has expired. Tasks of our workers are next to run, and count a loss. The loss
-- of a task that ran alone is a crash as well.
-- Go's are leased to the caller, which ends them as Asynq's recoverer does: retry or archive.
-- KEYS   pending
-- ARGV   now; limit; max_crashes: losses of a task that ran alone, in a row, after
--        which it is archived as poison; max_losses: the same in any company; lease_ms: length of the caller's leases;
--        idle_ms: when a survey last found nothing leased
-- TOUCHES active, lease, archived, completed, st:cancelled, st:cancelling, scan, tok, odd, n, aside:*, watch, sch, next, failing, sl:*, fires:*, t:*,
--        unique:*, processed,
--        processed:*, failed, failed:*
-- RETURN number recovered, number archived, IDs dropped, then for Go's tasks: token, rows as in `exchange`; or `!<key>`: this
--        key has a wrong type
-- BOUND  256 tasks, 1,024 leases scanned, 512 KiB of Go's messages
local MAX_BATCH_BYTES = 524288

local pending = KEYS.pending
local asynq, tc = key_prefixes(pending)
local active, lease = asynq .. 'active', asynq .. 'lease'
local scan = tc .. 'scan'
local ids, go

-- Leases Go's tasks to the caller. IDs without an active task are added to ours, where only their lease is removed.
local function claim(go)
  local rows, leases, bytes = {}, {}, 0
  for _, id in ipairs(go) do
    local row = redis.pcall('HMGET', asynq .. 't:' .. id, FIELDS.row)
    if not row.message or row.state ~= 'active' then
      ids[#ids + 1] = id
    elseif bytes == 0 or bytes + #row.message <= MAX_BATCH_BYTES then
      bytes = bytes + #row.message
      leases[#leases + 1] = id
      add_task_row(rows, #rows, id, row, row.attempt_state)
    end
  end
  if #leases == 0 then
    return 0, {}
  end
  local token = next_token(tc)
  local score = lease_score(tonumber(ARGV.lease_ms), token)
  for i = #leases, 1, -1 do
    leases[2 * i - 1], leases[2 * i] = score, leases[i]
  end
  redis.call('ZADD', lease, 'XX', unpack(leases))
  return token, rows
end

local wrong_key = find_wrong_type(
  active, 'list', lease, 'zset', pending, 'list', asynq .. 'archived', 'zset', scan, 'hash', tc .. 'tok', 'string'
)
if wrong_key then
  return '!' .. wrong_key
end
if is_held_off(scan, tonumber(ARGV.idle_ms)) then
  return { 0, 0, {}, 0, {} }
end
ids, go = expired_leases(lease, scan, tonumber(ARGV.limit))
local token, rows = claim(go)
if #ids == 0 then
  return { 0, 0, {}, token, rows }
end

local scores = redis.call('ZMSCORE', lease, unpack(ids))
remove_active(active, ids)
redis.call('ZREM', lease, unpack(ids))
local moves, dropped = new_moves(), {}
-- Those that ran alone come first: each runs alone again before others start that it may take along.
local ran_alone = {}
-- RECORD row: state; attempt_state; isolation; history; own_state
for i, id in ipairs(ids) do
  local key = asynq .. 't:' .. id
  local row = redis.pcall('HMGET', key, FIELDS.row)
  -- Without a task, or with one that is no longer active, only the lease is removed.
  if row.state == 'active' and redis.call('HEXISTS', key, FIELD.message) == 1 then
    local line, losses, attempt_state = lost_attempt(row.attempt_state)
    local is_alone, crashes = alone_crashes(row.isolation, scores[i])
    local history = add_line(row.history, line)
    if is_alone then
      redis.call('HSET', key, FIELD.isolation, crashes .. ';0')
    end
    if row.own_state == 'cancelling' then
      end_cancelling(asynq, tc, moves, key, id, line, FIELD.attempt_state, attempt_state)
    elseif losses >= tonumber(ARGV.max_losses) or (is_alone and crashes >= tonumber(ARGV.max_crashes)) then
      local message = redis.call('HGET', key, FIELD.message) .. error_field(poison_text(losses, crashes)) .. FAILED_NOW
      archive(moves, key, id, FIELD.message, message, FIELD.attempt_state, attempt_state, FIELD.history, history)
      moves.processed, moves.failed = moves.processed + 1, moves.failed + 1
    else
      requeue(moves, key, id, 'recovered', FIELD.attempt_state, attempt_state, FIELD.history, history)
      if is_alone then
        ran_alone[#ran_alone + 1] = table.remove(moves.requeued, 1)
      end
    end
  elseif not row.state or row.state == 'active' then
    dropped[#dropped + 1] = id
    -- Half a hash, as Go's dequeue makes of an ID without a task: it has a state, but no message.
    if row.state then
      redis.call('DEL', key)
    end
  end
end
for i = 1, #ran_alone do
  moves.requeued[#moves.requeued + 1] = ran_alone[i]
end
moves.dropped = #dropped
apply_moves(asynq, tc, moves)
after_finish(asynq, tc, moves)
return { #moves.requeued, #moves.archived, dropped, token, rows }
