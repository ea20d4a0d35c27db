#!lua flags=allow-oom
-- @use time names remove archive moves move cancel-found
-- forward: moves due tasks of `scheduled` and `retry` to `pending`, or to their group if they have one, earliest first.
-- KEYS   pending
-- ARGV   now; limit
-- TOUCHES scheduled, retry, completed, archived, due, st:cancelled, st:cancelling, groups, g:*, odd, n, aside:*, watch, sch, next, failing, sl:*, fires:*, t:*, unique:*
-- RETURN number moved, next due time in ms (nil = none), now, IDs without a task, dropped, ms for which
--         the earliest of the moved had been due; or `!<key>`: it has a wrong type
-- BOUND  256 tasks
local pending = KEYS.pending
local asynq, tc = key_prefixes(pending)
local due, groups = tc .. 'due', asynq .. 'groups'
local sources = { asynq .. 'scheduled', asynq .. 'retry' }
local wrong_key = find_wrong_type(pending, 'list', sources[1], 'zset', sources[2], 'zset', due, 'zset', groups, 'set')
if wrong_key then
  return '!' .. wrong_key
end
-- room: how many more to take; taken: tasks to move; dropped: IDs without a task; cancelling: of tasks to end.
-- RECORD task, other: id; ms; group: false = none; sequence
-- RECORD row: state; group; due_ms; own_state
local room, taken, dropped, cancelling = tonumber(ARGV.limit), {}, {}, {}
-- Scores from here on are beyond all dates: nothing wakes up for them.
local NEVER_MS = 8640000000000000

local function add(id, ms, row)
  if row.own_state == 'cancelling' then
    table.insert(cancelling, id)
    return
  end
  local group = row.group and row.group ~= '' and row.group
  if group and find_wrong_type(asynq .. 'g:' .. group, 'zset') then
    rename_key(tc, asynq .. 'g:' .. group, 'g:' .. group)
  end
  taken[#taken + 1] = { id, ms, group or false, #taken }
end

local function remove(key, ids)
  if #ids > 0 then
    redis.call('ZREM', key, unpack(ids))
  end
end

-- Tasks of ours, which have an exact time in `due`. A task moves only if that time agrees with its field `due_ms` and its score in
-- seconds. Otherwise the entry is left over from an earlier task, or a Go process has moved the task since.
local function take_exact()
  local found = redis.call('ZRANGE', due, '-inf', int_text(now), 'BYSCORE', 'LIMIT', 0, room, 'WITHSCORES')
  local ids, leaving = {}, { {}, {} }
  for i = 1, #found, 2 do
    ids[#ids + 1] = found[i]
  end
  local scores = #ids > 0 and { redis.call('ZMSCORE', sources[1], unpack(ids)), redis.call('ZMSCORE', sources[2], unpack(ids)) }
  for i, id in ipairs(ids) do
    local ms = tonumber(found[2 * i])
    local row = redis.pcall('HMGET', asynq .. 't:' .. id, FIELDS.row)
    local source = tonumber(scores[1][i] or -1) == math.ceil(ms / 1000) and 1 or 2
    if tonumber(scores[source][i] or -1) == math.ceil(ms / 1000) and tonumber(row.due_ms or -1) == ms then
      table.insert(leaving[source], id)
      add(id, ms, row)
    end
  end
  remove(due, ids)
  remove(sources[1], leaving[1])
  remove(sources[2], leaving[2])
  room = room - #ids
end

-- Tasks that are due by their score alone, as Go writes them. An entry in `due` with the same ID is stale.
local function take_foreign(source)
  local found = room > 0 and redis.call('ZRANGE', source, '-inf', now_s, 'BYSCORE', 'LIMIT', 0, room, 'WITHSCORES') or {}
  local ids = {}
  for i = 1, #found, 2 do
    local row = redis.pcall('HMGET', asynq .. 't:' .. found[i], FIELDS.row)
    ids[#ids + 1] = found[i]
    -- Asynq would try to move an ID without a task for ever: drop it.
    if row.state then
      add(found[i], tonumber(found[i + 1]) * 1000, row)
    else
      dropped[#dropped + 1] = found[i]
    end
  end
  remove(due, ids)
  remove(source, ids)
  room = room - #ids
end

local function move_taken()
  table.sort(taken, function(task, other)
    return task.ms < other.ms or (task.ms == other.ms and task.sequence < other.sequence)
  end)
  local moves = new_moves()
  for _, task in ipairs(taken) do
    local key = asynq .. 't:' .. task.id
    if task.group then
      forward_to_group(asynq, key, task.id, task.group)
    else
      forward(moves, key, task.id)
    end
  end
  apply_moves(asynq, tc, moves)
end

take_exact()
take_foreign(sources[1])
take_foreign(sources[2])
move_taken()
cancel_found(asynq, tc, cancelling)

-- The earliest time that is still waiting; scores of `due` are in ms, the others in s.
local next_ms
for i, key in ipairs({ due, sources[1], sources[2] }) do
  local ms = tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
  ms = ms and (i == 1 and ms or ms * 1000)
  if ms and ms < NEVER_MS then
    next_ms = math.max(0, math.min(ms, next_ms or ms))
  end
end
count_anomaly(tc, 'dropped', #dropped)
-- The second of the first record is its ms. A score of another program may be no date at all.
local late_ms = taken[1] and math.max(0, math.min(now - taken[1][2], NEVER_MS)) or 0
return { #taken, next_ms and int_text(next_ms) or false, int_text(now), dropped, int_text(late_ms) }
