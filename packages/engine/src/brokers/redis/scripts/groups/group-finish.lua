#!lua flags=allow-oom
-- @use time names totals receipt counters remove archive moves move run-ends after-finish store
-- group-finish: stores the task into which a set was aggregated, and removes the set with its tasks.
-- KEYS   receipt; pending; set; task: the new task's hash (the set again = there is no new task)
-- ARGV   now; slot; sequence; unreadable_count; lock_count; business: of the new task, '' = none; unreadable...: IDs of members
--        that cannot be read, then unique locks, a record each, then the new task, an item of the prelude `store`
-- RECORD held_lock: key; id
-- TOUCHES scheduled, archived, due, biz, groups, g:*, aggregation_sets, odd, n, watch, sch, next, failing, sl:*, fires:*, t:*, unique:*
-- RETURN `<now>:<code>:<holder>`: the code as in `enqueue`, or l = the set's time is over and it goes back to its group;
--        `!<key>`: this key has a wrong type, nothing was written; `!stale`: a late duplicate
-- BOUND  1,000 tasks
local kept, stale = read_receipt()
if kept or stale then
  return kept or STALE
end
local pending, set, key = KEYS.pending, KEYS.set, KEYS.task
local asynq, tc = key_prefixes(pending)
local sets, archived = asynq .. 'aggregation_sets', asynq .. 'archived'
local wrong_key = find_wrong_type(
  pending, 'list', sets, 'zset', set, 'zset', archived, 'zset', asynq .. 'scheduled', 'zset', tc .. 'due', 'zset',
  tc .. 'biz', 'set'
)
if wrong_key then
  return '!' .. wrong_key
end
local first_lock = INDEX.unreadable + ARGV.unreadable_count
local item = first_lock + SIZE.held_lock * ARGV.lock_count
local unreadable = { unpack(ARGV, INDEX.unreadable, first_lock - 1) }

local function answer(code)
  local reply = int_text(now) .. ':' .. code .. ':' .. (string.match(holders[1] or '', '^%d+:(.*)$') or '')
  keep_receipt(reply)
  return reply
end

-- From its deadline on a set goes back to its group in steps. Part of it may be there already, so it must not be aggregated.
if (tonumber(redis.call('ZSCORE', sets, set) or '') or 0) <= now_s then
  return answer(CODE.set_lost)
end
if key ~= set then
  local key_type = redis.call('TYPE', key).ok
  local code = key_type == 'none' and store_special(asynq, key, item) or key_type == 'hash' and CODE.refused or CODE.wrong_type
  if code ~= CODE.done then
    return answer(code)
  end
  index_stored(asynq, tc)
  if ARGV.business ~= '' then
    redis.call('SADD', tc .. 'biz', ARGV.business)
  end
end

local moves, is_unreadable = new_moves(), {}
-- They have not ended by themselves: what becomes of them is the end of the new task.
moves.are_gone = true
for _, id in ipairs(unreadable) do
  is_unreadable[id] = true
  -- The key may have a wrong type.
  pcall(archive, moves, asynq .. 't:' .. id, id)
end
for _, id in ipairs(redis.call('ZRANGE', set, 0, -1)) do
  if not is_unreadable[id] then
    moves.removed[#moves.removed + 1] = asynq .. 't:' .. id
  end
end
for held_lock = first_lock, item - 1, SIZE.held_lock do
  add_pair(moves.locks, ARGV[held_lock].key, ARGV[held_lock].id)
end
moves.unreadable = #unreadable
apply_moves(asynq, tc, moves)
after_finish(asynq, tc, moves)
redis.call('DEL', set)
redis.call('ZREM', sets, set)
return answer(CODE.done)
