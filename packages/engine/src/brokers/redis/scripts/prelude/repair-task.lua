-- Repairs the faults that `task_fault` finds. The functions return what they did, for the report of fsck.
-- First a helper, which removes an ID from a list or set. occurrences: as the count of LREM, 0 = all.
local function remove_from(asynq, location, id, occurrences)
  if location == asynq .. 'pending' or location == asynq .. 'active' then
    redis.call('LREM', location, occurrences, id)
  else
    redis.call('ZREM', location, id)
  end
end

local function drop_task(asynq, tc, facts)
  local id = facts.id
  for _, location in ipairs(facts.locations) do
    remove_from(asynq, location, id, 0)
  end
  for _, key in ipairs({ asynq .. 'lease', tc .. 'due', tc .. 'st:cancelled', tc .. 'st:cancelling' }) do
    redis.pcall('ZREM', key, id)
  end
  redis.call('DEL', facts.key)
  count_anomaly(tc, 'dropped', 1)
end

-- A completed task is kept for a day: scripts cannot read its retention from the message.
local RETENTION_S = 86400
-- By state: adds a task that is in no list or set to the one of its state. An unknown state means the archive.
local RESTORE = {
  pending = function(asynq, _, facts)
    redis.call('HSET', facts.key, FIELD.pending_since, now_ns)
    redis.call('RPUSH', asynq .. 'pending', facts.id)
    return 'it is the next to run'
  end,
  active = function(asynq, _, facts)
    redis.call('RPUSH', asynq .. 'active', facts.id)
    return 'put back into active'
  end,
  completed = function(asynq, tc, facts)
    redis.call('ZADD', asynq .. 'completed', now_s + RETENTION_S, facts.id)
    if facts.own_state == 'cancelled' then
      redis.call('ZADD', tc .. 'st:cancelled', now_s + RETENTION_S, facts.id)
    end
    return 'put back into completed, for a day'
  end,
  archived = function(asynq, _, facts)
    correct_state(facts.key, 'archived')
    add_to_archive(asynq, { facts.id })
    return 'archived'
  end,
}

-- Without an exact time of ours the task is due now: late rather than never.
local function restore_waiting(asynq, tc, facts)
  local ms = valid_integer(facts.due_ms)
  redis.call('ZADD', asynq .. facts.state, ms and int_text(math.ceil(ms / 1000)) or now_s, facts.id)
  if ms then
    redis.call('ZADD', tc .. 'due', int_text(ms), facts.id)
  end
  return 'put back into ' .. facts.state
end
RESTORE.scheduled, RESTORE.retry = restore_waiting, restore_waiting

-- Adds a task that is in no list or set to where its state says, which for `aggregating` is its group.
local function restore(asynq, tc, facts)
  if facts.state == 'aggregating' and facts.group and facts.group ~= '' then
    local group = asynq .. 'g:' .. facts.group
    if find_wrong_type(group, 'zset') then
      rename_key(tc, group, 'g:' .. facts.group)
    end
    redis.call('ZADD', group, now_s, facts.id)
    redis.call('SADD', asynq .. 'groups', facts.group)
    return 'put back into its group'
  end
  return (RESTORE[facts.state or ''] or RESTORE.archived)(asynq, tc, facts)
end

-- Keeps the ID in one list or set: in that of its state, or else in the first one, and corrects the state.
local function keep_one_location(asynq, facts)
  local keep
  for _, location in ipairs(facts.locations) do
    keep = keep or (state_at(asynq, location) == facts.state and location)
  end
  keep = keep or facts.locations[1]
  local extra = 0
  for _, location in ipairs(facts.locations) do
    if location == keep then
      extra = extra + 1
    else
      remove_from(asynq, location, facts.id, 0)
    end
  end
  if extra > 1 then
    remove_from(asynq, keep, facts.id, extra - 1)
  end
  correct_state(facts.key, state_at(asynq, keep))
  return 'kept in ' .. string.sub(keep, #asynq + 1) .. ' only'
end

local function repair_task(asynq, tc, facts, kind)
  if kind == 'type' then
    rename_key(tc, facts.key, 't:' .. facts.id)
    return 'renamed'
  elseif not facts.msg then
    drop_task(asynq, tc, facts)
    return 'dropped'
  elseif kind == 'double' or kind == 'mismatch' then
    return keep_one_location(asynq, facts)
  elseif kind == 'orphan' and #facts.locations == 0 then
    return restore(asynq, tc, facts)
  elseif kind == 'orphan' then
    redis.call('ZADD', asynq .. 'lease', EXPIRED_S, facts.id)
    return 'given to the recoverer'
  elseif kind == 'ghost' then
    redis.call('ZREM', asynq .. 'lease', facts.id)
    return 'the lease was removed'
  elseif request_fault(facts) then
    return repair_request(tc, facts)
  end
  redis.call('ZREM', facts.due and tc .. 'due' or tc .. 'st:cancelled', facts.id)
  return 'the index entry was removed'
end
