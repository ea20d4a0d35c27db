#!lua flags=allow-oom
-- @use time names totals receipt counters remove archive moves move run-ends after-finish change cancel-found
-- change-many: runs, archives or removes the first tasks of a state.
-- KEYS   receipt; pending
-- ARGV   now; slot; sequence; action: run, archive or remove; state; group: '' = any; limit
-- TOUCHES active, scheduled, retry, archived, completed, due, st:cancelled, st:cancelling, groups, g:*, aggregation_sets, n,
--        watch, sch, next, failing, sl:*, fires:*, t:*, unique:*
-- RETURN `<number of tasks changed>:<whether there are more, 1/0>`; `!<key>`: this key has a wrong type; `!stale`: a late
--        duplicate
-- BOUND  256 tasks
local kept, stale = read_receipt()
if kept or stale then
  return kept or STALE
end
local pending, action, state, group, limit = KEYS.pending, ARGV.action, ARGV.state, ARGV.group, tonumber(ARGV.limit)
local asynq, tc = key_prefixes(pending)
local groups, sets = asynq .. 'groups', asynq .. 'aggregation_sets'
local wrong_key = find_wrong_index_type(asynq, tc, pending) or find_wrong_type(sets, 'zset')
local source

-- The key of some group. If there is none and tasks are to go, the key of a set that is being aggregated. May return nil.
local function pick_group()
  local name = redis.call('SRANDMEMBER', groups)
  if name then
    group = name
    return asynq .. 'g:' .. name
  end
  local set = action == 'remove' and redis.call('ZRANGE', sets, 0, 0)[1]
  return set and string.sub(set, 1, #asynq) == asynq and set or nil
end

if not wrong_key then
  if state == 'aggregating' and group == '' then
    source = pick_group()
  else
    source = index_of(asynq, tc, state, group)
  end
  wrong_key = source and state ~= 'pending' and find_wrong_type(source, 'zset')
end
if wrong_key then
  return '!' .. wrong_key
end

-- Removes the first tasks from their index, and returns their IDs.
local function take_first()
  if state == 'pending' then
    local found, ids = redis.call('LRANGE', source, -limit, -1), {}
    for i = #found, 1, -1 do
      ids[#ids + 1] = found[i]
    end
    redis.call('LTRIM', source, 0, -#found - 1)
    return ids
  end
  local ids = redis.call('ZRANGE', source, 0, limit - 1)
  if #ids > 0 then
    redis.call('ZREM', source, unpack(ids))
    if state == 'cancelled' then
      redis.call('ZREM', asynq .. 'completed', unpack(ids))
    elseif state ~= 'aggregating' then
      redis.call('ZREM', tc .. (state == 'completed' and 'st:cancelled' or 'due'), unpack(ids))
    end
  end
  return ids
end

local ids, tasks, locks, cancelling = source and take_first() or {}, {}, {}, {}
-- RECORD row: state; unique_key; own_state
for _, id in ipairs(ids) do
  local row = redis.pcall('HMGET', asynq .. 't:' .. id, FIELDS.row)
  -- An ID without a task has left the index, and that is all. An active task belongs to its worker: it stays as it is.
  if not row.err and row.state and is_run_of_cancelling(action, row.state, row.own_state) and row.state ~= 'active' then
    cancelling[#cancelling + 1] = id
  elseif not row.err and row.state and row.state ~= 'active' then
    tasks[#tasks + 1], locks[#locks + 1] = id, row.unique_key
  end
end
change_tasks(asynq, tc, action, tasks, locks)
cancel_found(asynq, tc, cancelling)
local more = source and redis.call('EXISTS', source) == 1
if state == 'aggregating' and source and not more then
  if group ~= '' then
    redis.call('SREM', groups, group)
  end
  redis.call('ZREM', sets, source)
  more = ARGV.group == '' and redis.call('EXISTS', groups, sets) > 0
end
local reply = #tasks .. (more and ':1' or ':0')
keep_receipt(reply)
return reply
