-- @use time names
-- queue-facts: counts and settings of one queue.
-- KEYS   1 pending
-- ARGV   1 now
-- RETURN sizes of pending, active, scheduled, retry, completed, cancelled (among completed, too), archived; paused
--        (1/0); pause reason or nil; pending_since of the next to run or nil; processed; failed; now; tasks in groups;
--        groups; numbers of what was met that is no task: dropped, archived, set aside
-- BOUND  1 queue, 1,000 groups: where there are more, their tasks are estimated from so many
local GROUPS_MOST = 1000
local pending = KEYS[1]
local asynq, tc = names_of(pending)

-- What cannot be read counts as nothing.
local function ask(...)
  local found = redis.pcall(...)
  return type(found) ~= 'table' and found or false
end

local function aggregating()
  local names = redis.pcall('SRANDMEMBER', asynq .. 'groups', GROUPS_MOST)
  if names.err or #names == 0 then
    return 0
  end
  local sum = 0
  for i = 1, #names do
    sum = sum + (ask('ZCARD', asynq .. 'g:' .. names[i]) or 0)
  end
  return math.floor(sum * redis.call('SCARD', asynq .. 'groups') / #names)
end

local odd = redis.pcall('HMGET', tc .. 'odd', 'dropped', 'archived', 'aside')
local next_id = ask('LINDEX', pending, -1)
return {
  ask('LLEN', pending) or 0,
  ask('LLEN', asynq .. 'active') or 0,
  ask('ZCARD', asynq .. 'scheduled') or 0,
  ask('ZCARD', asynq .. 'retry') or 0,
  ask('ZCARD', asynq .. 'completed') or 0,
  ask('ZCARD', tc .. 'st:cancelled') or 0,
  ask('ZCARD', asynq .. 'archived') or 0,
  redis.call('EXISTS', asynq .. 'paused'),
  ask('HGET', tc .. 'cfg', 'pause_reason'),
  next_id and ask('HGET', asynq .. 't:' .. next_id, 'pending_since'),
  ask('GET', asynq .. 'processed') or '0',
  ask('GET', asynq .. 'failed') or '0',
  whole(now),
  aggregating(),
  ask('SCARD', asynq .. 'groups') or 0,
  odd.err and {} or odd,
}
