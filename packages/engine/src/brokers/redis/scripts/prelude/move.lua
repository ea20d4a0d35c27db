-- Moves tasks from state to state. Nothing else writes the state of a stored task; `store` writes it for new ones. A function
-- for each move writes the task's hash; `...` are more fields and values for the same HSET. What the lists and sets get is
-- collected in `moves`, of the prelude of that name. After the end of attempts or tasks `after_finish` follows.
-- pending → active. `lease_tasks` adds the task to `active` and `lease`. row: as in `leases`.
local function start(key, row, attempt_state)
  redis.call('HSET', key, FIELD.state, 'active', FIELD.attempt_state, attempt_state)
  if row.own_state then
    -- A Go tool has run a cancelled task again: it is no longer cancelled.
    redis.call('HDEL', key, FIELD.pending_since, FIELD.own_state, FIELD.cancellation)
  elseif row.pending_since then
    redis.call('HDEL', key, FIELD.pending_since)
  end
end

-- active → completed, until `expires_s`.
local function complete(moves, key, id, expires_s, ...)
  redis.call('HSET', key, FIELD.state, 'completed', ...)
  add_pair(moves.completed, expires_s, id)
end

-- active → retry, due at `ms`.
local function retry(moves, key, id, ms, message, history)
  local exact = int_text(ms)
  redis.call('HSET', key, FIELD.message, message, FIELD.state, 'retry', FIELD.history, history, FIELD.due_ms, exact)
  add_pair(moves.retry, int_text(math.ceil(ms / 1000)), id)
  tally(moves, 'retried')
  add_pair(moves.due, exact, id)
end

-- active → scheduled, due at `ms`: given back until then.
local function defer(moves, key, id, ms, attempt_state)
  local exact = int_text(ms)
  redis.call('HSET', key, FIELD.state, 'scheduled', FIELD.due_ms, exact, FIELD.attempt_state, attempt_state)
  add_pair(moves.scheduled, int_text(math.ceil(ms / 1000)), id)
  tally(moves, 'deferred')
  add_pair(moves.due, exact, id)
end

-- Any state → archived. In the archive even if the hash cannot be written.
local function archive(moves, key, id, ...)
  moves.archived[#moves.archived + 1] = id
  tally(moves, 'archived')
  redis.call('HSET', key, FIELD.state, 'archived', ...)
end

-- active → pending, the next to run. counted_as: `deferred`, given back, or `recovered`, lost with its worker.
local function requeue(moves, key, id, counted_as, ...)
  table.insert(moves.requeued, 1, id)
  tally(moves, counted_as)
  redis.call('HSET', key, FIELD.state, 'pending', FIELD.pending_since, now_ns, ...)
end

-- A waiting or finished state → pending, the last to run.
local function forward(moves, key, id)
  moves.pending[#moves.pending + 1] = id
  redis.call('HSET', key, FIELD.state, 'pending', FIELD.pending_since, now_ns)
end

-- scheduled or retry → aggregating. Aggregators see only groups that `groups` names; Asynq's forwarder forgets this.
local function forward_to_group(asynq, key, id, group)
  redis.call('ZADD', asynq .. 'g:' .. group, now_s, id)
  redis.call('SADD', asynq .. 'groups', group)
  redis.call('HSET', key, FIELD.state, 'aggregating')
end

-- Any state that is not final → cancelled, which is `completed` for Asynq.
local function cancel(moves, key, id, expires_s, ...)
  redis.call('HSET', key, FIELD.state, 'completed', FIELD.own_state, 'cancelled', ...)
  redis.call('HDEL', key, FIELD.pending_since)
  add_pair(moves.completed, expires_s, id)
  add_pair(moves.cancelled, expires_s, id)
  tally(moves, 'cancelled')
end

-- pending → scheduled. Asynq has no state for tasks that wait for something other than a time. Their IDs are kept in `scheduled`
-- with a score after all real times, and their own state names it. A Go tool may run everything in that set; such a task is put
-- back here.
local NEVER_S = '253370764800'
local function keep_waiting(asynq, key, id)
  redis.call('HSET', key, FIELD.state, 'scheduled')
  redis.call('HDEL', key, FIELD.pending_since)
  redis.call('ZADD', asynq .. 'scheduled', NEVER_S, id)
end

-- fsck: the state that the index with the task's ID says.
local function correct_state(key, state)
  redis.call('HSET', key, FIELD.state, state)
end
