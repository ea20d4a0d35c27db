-- Changes that operators make to stored tasks: `run` them now, `archive` or `remove` them.

-- The key of the list or sorted set that holds the IDs of this state; for `aggregating` that is the group's set.
local function index_of(asynq, tc, state, group)
  if state == 'cancelled' then
    return tc .. 'st:cancelled'
  end
  return asynq .. (state == 'aggregating' and 'g:' .. group or state)
end

-- Checks every key that a change may write to; returns the first of a wrong type, or nil.
local function find_wrong_index_type(asynq, tc, pending)
  return find_wrong_type(
    pending, 'list', asynq .. 'active', 'list', asynq .. 'scheduled', 'zset', asynq .. 'retry', 'zset',
    asynq .. 'archived', 'zset', asynq .. 'completed', 'zset', asynq .. 'groups', 'set',
    tc .. 'due', 'zset', tc .. 'st:cancelled', 'zset', tc .. 'st:cancelling', 'zset'
  )
end

-- Removes a group's name from `groups` once the group is empty.
local function close_group(asynq, group)
  if redis.call('EXISTS', asynq .. 'g:' .. group) == 0 then
    redis.call('SREM', asynq .. 'groups', group)
  end
end

-- Whether `run` must not start the task, because its cancellation was asked for. It is then cancelled at once.
local function is_run_of_cancelling(action, state, own_state)
  return action == 'run' and own_state == 'cancelling' and state ~= 'completed'
end

-- Applies the action to tasks that the caller has already removed from their index. `locks` has per task the key of its
-- unique lock, or false. What marks a cancelled task is cleared.
local function change_tasks(asynq, tc, action, ids, locks)
  local moves = new_moves()
  moves.are_gone = action == 'remove'
  for i, id in ipairs(ids) do
    local key = asynq .. 't:' .. id
    if action == 'remove' then
      moves.removed[i] = key
      add_pair(moves.locks, locks[i], id)
    else
      redis.call('HDEL', key, FIELD.own_state, FIELD.cancellation)
      redis.call('ZREM', tc .. 'st:cancelling', id)
      if action == 'run' then
        forward(moves, key, id)
      else
        archive(moves, key, id)
        redis.call('HDEL', key, FIELD.pending_since)
      end
    end
  end
  apply_moves(asynq, tc, moves)
  after_finish(asynq, tc, moves)
end
