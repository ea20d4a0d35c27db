#!lua flags=allow-oom
-- @use time names remove archive moves move cancel-requests cancel-found expire-fires
-- expire: removes completed and cancelled tasks of one queue whose retention is over, and archived ones beyond the archive's
-- limits. Cancels tasks for which that was requested, and which a Go worker has put where they would start again.
-- KEYS   pending: names the queue
-- ARGV   now; limit
-- Also removes old lines of the history of schedules, and ends runs that Go has ended.
-- TOUCHES pending, scheduled, retry, archived, completed, due, st:cancelled, st:cancelling, groups, g:*, odd, n, aside:*, watch, sch, next, failing, fl,
--        sl:*, fires:*, t:*, unique:*
-- RETURN number removed; or `!<key>`: this key has a wrong type
-- BOUND  256 tasks, 256 of the archive and 64 to be cancelled; 64 runs, 256 lines of the history
local SAMPLE = 64
local asynq, tc = key_prefixes(KEYS.pending)
local completed, cancelled, cancelling = asynq .. 'completed', tc .. 'st:cancelled', tc .. 'st:cancelling'
local limit = tonumber(ARGV.limit)
local wrong_key = find_wrong_type(completed, 'zset', cancelled, 'zset', asynq .. 'archived', 'zset')
if wrong_key then
  return '!' .. wrong_key
end

-- A Go tool may remove or run a cancelled task, but does not know `st:cancelled`. Removes marks whose score differs from
-- that in `completed`, a random sample in each call.
local function remove_stale_marks()
  local marks = redis.call('ZRANDMEMBER', cancelled, SAMPLE, 'WITHSCORES')
  local ids, stale = {}, {}
  for i = 1, #marks, 2 do
    ids[#ids + 1] = marks[i]
  end
  local scores = #ids > 0 and redis.call('ZMSCORE', completed, unpack(ids)) or {}
  for i, id in ipairs(ids) do
    if scores[i] ~= marks[2 * i] then
      stale[#stale + 1] = id
    end
  end
  if #stale > 0 then
    redis.call('ZREM', cancelled, unpack(stale))
  end
end

-- Takes a task out of the place where it waits. Returns whether it was there. A task in an aggregation set stays: it goes with the set.
local function take_out(id, state, group)
  if state == 'pending' then
    -- A task that was given back is the next to run.
    return redis.pcall('LREM', asynq .. 'pending', -1, id) == 1
  end
  redis.pcall('ZREM', tc .. 'due', id)
  return redis.pcall('ZREM', asynq .. (state == 'aggregating' and 'g:' .. (group or '') or state), id) == 1
end

-- Looks at the requests that were not looked at for the longest time. Those of tasks that still run stay, with the current time.
-- RECORD request: state; own_state; group
local WAITING = { pending = true, scheduled = true, retry = true, archived = true, aggregating = true }
local function obey_requests()
  local found = redis.pcall('ZRANGE', cancelling, 0, SAMPLE - 1)
  local waiting = {}
  for _, id in ipairs(found.err and {} or found) do
    local key = asynq .. 't:' .. id
    local request = redis.pcall('HMGET', key, FIELDS.request)
    if request.own_state == 'cancelling' and request.state ~= 'completed' then
      redis.call('ZADD', cancelling, now_s, id)
      if WAITING[request.state] and take_out(id, request.state, request.group) then
        waiting[#waiting + 1] = id
      end
    elseif request.own_state == 'cancelling' then
      drop_request(tc, key, id)
    else
      redis.call('ZREM', cancelling, id)
    end
  end
  cancel_found(asynq, tc, waiting)
end

obey_requests()
look_after_fires(asynq, tc, SAMPLE, limit)
local ids = redis.call('ZRANGE', completed, '-inf', now_s, 'BYSCORE', 'LIMIT', 0, limit)
if #ids > 0 then
  remove_found(asynq, ids, 'completed')
  redis.call('ZREM', completed, unpack(ids))
  redis.call('ZREM', cancelled, unpack(ids))
end
remove_stale_marks()
return #ids + trim_archive(asynq, 0, limit)
