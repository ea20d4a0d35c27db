-- What people do to stored tasks: `run` them now, `archive` or `remove` them.

-- Where a task of this state stands besides its hash; aggregating: in its group.
local function index_of(asynq, tc, state, group)
  if state == 'cancelled' then
    return tc .. 'st:cancelled'
  end
  return asynq .. (state == 'aggregating' and 'g:' .. group or state)
end

-- Every key that an act may write to; returns the first of a wrong type.
local function acting_misfit(asynq, tc, pending)
  return misfit(
    pending, 'list', asynq .. 'active', 'list', asynq .. 'scheduled', 'zset', asynq .. 'retry', 'zset',
    asynq .. 'archived', 'zset', asynq .. 'completed', 'zset', asynq .. 'groups', 'set',
    tc .. 'due', 'zset', tc .. 'st:cancelled', 'zset'
  )
end

-- A group's name goes with its last task.
local function close_group(asynq, group)
  if redis.call('EXISTS', asynq .. 'g:' .. group) == 0 then
    redis.call('SREM', asynq .. 'groups', group)
  end
end

-- Does it to tasks that have left their index; rows: `unique_key` or false, per task.
local function act(asynq, verb, ids, rows)
  if #ids == 0 then
    return
  end
  for i, id in ipairs(ids) do
    local key = asynq .. 't:' .. id
    if verb == 'remove' then
      unlock(asynq, rows[i], id)
      redis.call('DEL', key)
    else
      redis.call('HDEL', key, 'tc:s', 'tc:c')
      if verb == 'run' then
        redis.call('HSET', key, 'state', 'pending', 'pending_since', now_ns)
      else
        redis.call('HSET', key, 'state', 'archived')
        redis.call('HDEL', key, 'pending_since')
      end
    end
  end
  if verb == 'run' then
    redis.call('LPUSH', asynq .. 'pending', unpack(ids))
  elseif verb == 'archive' then
    archive(asynq, ids)
  end
end
