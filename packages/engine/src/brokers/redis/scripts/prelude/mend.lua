-- Mends what `task_fault` has found; the ways are those of recover, repair and forward.
local function leave(asynq, place, id, count)
  if place == asynq .. 'pending' or place == asynq .. 'active' then
    redis.call('LREM', place, count, id)
  else
    redis.call('ZREM', place, id)
  end
end

local function drop(asynq, tc, facts)
  local id = facts.id
  for _, place in ipairs(facts.places) do
    leave(asynq, place, id, 0)
  end
  redis.pcall('ZREM', asynq .. 'lease', id)
  redis.pcall('ZREM', tc .. 'due', id)
  redis.pcall('ZREM', tc .. 'st:cancelled', id)
  redis.call('DEL', facts.key)
  note(tc, 'dropped', 1)
end

-- A day to be looked at: nobody knows its retention here.
local KEPT_S = 86400
local HOMES = {
  pending = function(asynq, _, facts)
    redis.call('HSET', facts.key, 'pending_since', now_ns)
    redis.call('RPUSH', asynq .. 'pending', facts.id)
    return 'it is the next to run'
  end,
  active = function(asynq, _, facts)
    redis.call('RPUSH', asynq .. 'active', facts.id)
    return 'put back into active'
  end,
  completed = function(asynq, tc, facts)
    redis.call('ZADD', asynq .. 'completed', now_s + KEPT_S, facts.id)
    if facts.own == 'cancelled' then
      redis.call('ZADD', tc .. 'st:cancelled', now_s + KEPT_S, facts.id)
    end
    return 'put back into completed, for a day'
  end,
  archived = function(asynq, _, facts)
    redis.call('HSET', facts.key, 'state', 'archived')
    archive(asynq, { facts.id })
    return 'archived'
  end,
}

-- Without an exact time of ours it is due now: late rather than never.
local function waits(asynq, tc, facts)
  local ms = sane(facts.due_ms)
  redis.call('ZADD', asynq .. facts.state, ms and whole(math.ceil(ms / 1000)) or now_s, facts.id)
  if ms then
    redis.call('ZADD', tc .. 'due', whole(ms), facts.id)
  end
  return 'put back into ' .. facts.state
end
HOMES.scheduled, HOMES.retry = waits, waits

local function put_home(asynq, tc, facts)
  if facts.state == 'aggregating' and facts.group and facts.group ~= '' then
    local group = asynq .. 'g:' .. facts.group
    if misfit(group, 'zset') then
      put_aside(tc, group, 'g:' .. facts.group)
    end
    redis.call('ZADD', group, now_s, facts.id)
    redis.call('SADD', asynq .. 'groups', facts.group)
    return 'put back into its group'
  end
  return (HOMES[facts.state or ''] or HOMES.archived)(asynq, tc, facts)
end

-- The container that the state names wins; else the first, and the state follows it.
local function settle(asynq, facts)
  local keep
  for _, place in ipairs(facts.places) do
    keep = keep or (state_at(asynq, place) == facts.state and place)
  end
  keep = keep or facts.places[1]
  local others = 0
  for _, place in ipairs(facts.places) do
    if place == keep then
      others = others + 1
    else
      leave(asynq, place, facts.id, 0)
    end
  end
  if others > 1 then
    leave(asynq, keep, facts.id, others - 1)
  end
  local state = state_at(asynq, keep)
  if state ~= facts.state then
    redis.call('HSET', facts.key, 'state', state)
  end
  return 'kept in ' .. string.sub(keep, #asynq + 1) .. ' only'
end

local function mend_task(asynq, tc, facts, kind)
  if kind == 'type' then
    put_aside(tc, facts.key, 't:' .. facts.id)
    return 'set aside'
  elseif not facts.msg then
    drop(asynq, tc, facts)
    return 'dropped'
  elseif kind == 'double' or kind == 'mismatch' then
    return settle(asynq, facts)
  elseif kind == 'orphan' and #facts.places == 0 then
    return put_home(asynq, tc, facts)
  elseif kind == 'orphan' then
    redis.call('ZADD', asynq .. 'lease', EXPIRED_S, facts.id)
    return 'given to the recoverer'
  elseif kind == 'ghost' then
    redis.call('ZREM', asynq .. 'lease', facts.id)
    return 'the lease was removed'
  end
  redis.call('ZREM', facts.due and tc .. 'due' or tc .. 'st:cancelled', facts.id)
  return 'the note was removed'
end
