#!lua flags=allow-oom
-- @use time names
-- forward: makes what is due pending, or aggregating where it belongs to a group, earliest first.
-- KEYS   1 pending
-- ARGV   1 now; 2 limit
-- RETURN number moved, next due time in ms (nil = nothing waits), now, IDs dropped; or `!<key>`: this key has a wrong type
-- BOUND  256 tasks
local pending = KEYS[1]
local asynq, tc = names_of(pending)
local due, groups = tc .. 'due', asynq .. 'groups'
local sources = { asynq .. 'scheduled', asynq .. 'retry' }
local bad = misfit(pending, 'list', sources[1], 'zset', sources[2], 'zset', due, 'zset', groups, 'set')
if bad then
  return '!' .. bad
end

-- What moves: { id, ms, group or false, place }; IDs without a task.
local limit, moves, dropped = tonumber(ARGV[2]), {}, {}
-- Times from here on are no dates: nobody waits for them.
local NEVER_MS = 8640000000000000

local function add(id, ms, row)
  local group = row[2] and row[2] ~= '' and row[2]
  if group and misfit(asynq .. 'g:' .. group, 'zset') then
    put_aside(tc, asynq .. 'g:' .. group, 'g:' .. group)
  end
  moves[#moves + 1] = { id, ms, group or false, #moves }
end

local function remove(key, ids)
  if #ids > 0 then
    redis.call('ZREM', key, unpack(ids))
  end
end

-- Exact times (design D5): a task moves only if its own field and its score in seconds agree with them; what does
-- not agree is left over from an earlier task, or a Go process has moved the task since.
local function take_exact()
  local found = redis.call('ZRANGE', due, '-inf', whole(now), 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES')
  local ids, leaving, scores = {}, { {}, {} }, {}
  for i = 1, #found, 2 do
    ids[#ids + 1] = found[i]
  end
  for source = 1, #ids > 0 and 2 or 0 do
    scores[source] = redis.call('ZMSCORE', sources[source], unpack(ids))
  end
  for i, id in ipairs(ids) do
    local ms = tonumber(found[2 * i])
    local row = redis.pcall('HMGET', asynq .. 't:' .. id, 'state', 'group', 'tc:d')
    local source = tonumber(scores[1][i] or -1) == math.ceil(ms / 1000) and 1 or 2
    if tonumber(scores[source][i] or -1) == math.ceil(ms / 1000) and tonumber(row[3] or -1) == ms then
      table.insert(leaving[source], id)
      add(id, ms, row)
    end
  end
  remove(due, ids)
  remove(sources[1], leaving[1])
  remove(sources[2], leaving[2])
  limit = limit - #ids
end

-- What is left and due by its score alone: Go put it there. An exact time beside it cannot be its own any more.
local function take_foreign(source)
  if limit <= 0 then
    return
  end
  local found = redis.call('ZRANGE', source, '-inf', now_s, 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES')
  local ids = {}
  for i = 1, #found, 2 do
    local row = redis.pcall('HMGET', asynq .. 't:' .. found[i], 'state', 'group')
    ids[#ids + 1] = found[i]
    -- Without a task only the ID goes (protocol D7).
    if row[1] then
      add(found[i], tonumber(found[i + 1]) * 1000, row)
    else
      dropped[#dropped + 1] = found[i]
    end
  end
  remove(due, ids)
  remove(source, ids)
  limit = limit - #ids
end

local function push()
  table.sort(moves, function(a, b)
    return a[2] < b[2] or (a[2] == b[2] and a[4] < b[4])
  end)
  local ids = {}
  for _, move in ipairs(moves) do
    local key, group = asynq .. 't:' .. move[1], move[3]
    if group then
      redis.call('ZADD', asynq .. 'g:' .. group, now_s, move[1])
      -- An aggregator looks at named groups only (protocol D10).
      redis.call('SADD', groups, group)
      redis.call('HSET', key, 'state', 'aggregating')
    else
      ids[#ids + 1] = move[1]
      redis.call('HSET', key, 'state', 'pending', 'pending_since', now_ns)
    end
  end
  if #ids > 0 then
    redis.call('LPUSH', pending, unpack(ids))
  end
end

take_exact()
take_foreign(sources[1])
take_foreign(sources[2])
push()

local next_ms
for i, key in ipairs({ due, sources[1], sources[2] }) do
  local ms = tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
  ms = ms and (i == 1 and ms or ms * 1000)
  if ms and ms < NEVER_MS then
    next_ms = math.max(0, math.min(ms, next_ms or ms))
  end
end
note(tc, 'dropped', #dropped)
return { #moves, next_ms and whole(next_ms) or false, whole(now), dropped }
