-- @use time names receipt
-- enqueue: stores new tasks of one queue; an ID that is taken is left alone.
-- KEYS   1 receipt; 2 pending; then the task's hash, per task
-- ARGV   1 now; 2 slot; 3 sequence; 4 whether an ID may stand twice (1/0); 5 values per task: 5 or 8; 6 number of
--        businesses, then their names; then per task: ID, message, meta ('' = none), delay in ms, start in ms
--        (0 = none); with 8 values also: unique lock ('' = none), seconds that it lasts after the start, group ('' = none)
-- RETURN `<now>:<codes>:<new>:<holders>`, new: 1 = nothing is known of the slot, as after FLUSHDB; a code per task: 1 stored, 0 the ID is taken, d its lock is held, x its key or its
--        group's has a wrong type; a holder per d: length of the ID, colon, ID; `!<key>`: this key has a wrong type,
--        nothing was written; `!stale`: a late duplicate
-- BOUND  256 tasks
-- It runs without `allow-oom`: its first write is refused when memory is full.
local kept, stale, new = receipt_of(KEYS[1], ARGV[2], ARGV[3])
if kept or stale then
  return kept or STALE
end
local pending = KEYS[2]
local asynq, tc = names_of(pending)
local scheduled, due, biz = asynq .. 'scheduled', tc .. 'due', tc .. 'biz'
local bad = misfit(pending, 'list', scheduled, 'zset', due, 'zset', biz, 'set')
if bad then
  return '!' .. bad
end

local width, businesses = tonumber(ARGV[5]), tonumber(ARGV[6])
local ready, starts, exact, codes, holders = {}, {}, {}, {}, {}
-- Most often all IDs are new: one command tells.
local look = ARGV[4] == '1' or redis.call('EXISTS', unpack(KEYS, 3)) > 0

local function store(key, p, ms)
  local id, message, meta = ARGV[p], ARGV[p + 1], ARGV[p + 2]
  if ms > now then
    local at = #starts
    starts[at + 1], starts[at + 2] = whole(math.ceil(ms / 1000)), id
    exact[at + 1], exact[at + 2] = whole(ms), id
    redis.call('HSET', key, 'msg', message, 'state', 'scheduled', 'tc:d', whole(ms))
    if meta ~= '' then
      redis.call('HSET', key, 'tc', meta)
    end
    return
  end
  ready[#ready + 1] = id
  if meta == '' then
    redis.call('HSET', key, 'msg', message, 'state', 'pending', 'pending_since', now_ns)
  else
    redis.call('HSET', key, 'msg', message, 'state', 'pending', 'pending_since', now_ns, 'tc', meta)
  end
end

-- A task that joins its group now, instead of `store`.
local function join(key, p, group)
  redis.call('HSET', key, 'msg', ARGV[p + 1], 'state', 'aggregating')
  if ARGV[p + 2] ~= '' then
    redis.call('HSET', key, 'tc', ARGV[p + 2])
  end
  redis.call('ZADD', asynq .. 'g:' .. group, now_s, ARGV[p])
end

-- A task with a lock or a group; returns its code. Everything is checked before the lock is taken, so that no lock is
-- left without its task (protocol D13).
local function store_special(key, p, ms)
  local lock, group = ARGV[p + 5], ARGV[p + 7]
  local groups = asynq .. 'groups'
  if group ~= '' and misfit(groups, 'set', asynq .. 'g:' .. group, 'zset') then
    return 'x'
  end
  if lock ~= '' then
    local seconds = math.floor(math.max(0, ms - now) / 1000 + ARGV[p + 6])
    if not redis.call('SET', lock, ARGV[p], 'NX', 'EX', whole(seconds)) then
      local holder = redis.pcall('GET', lock)
      holders[#holders + 1] = type(holder) == 'string' and #holder .. ':' .. holder or '0:'
      return 'd'
    end
  end
  if group ~= '' and ms <= now then
    join(key, p, group)
  else
    store(key, p, ms)
  end
  if lock ~= '' then
    redis.call('HSET', key, 'unique_key', lock)
  end
  if group ~= '' then
    -- Also with a later start: whoever forwards it finds the group, and an aggregator its name (protocol D10).
    redis.call('HSET', key, 'group', group)
    redis.call('SADD', groups, group)
  end
  return '1'
end

local p = 7 + businesses
for i = 3, #KEYS do
  local key = KEYS[i]
  local type = look and redis.call('TYPE', key).ok or 'none'
  if type ~= 'none' then
    codes[i - 2] = type == 'hash' and '0' or 'x'
  else
    local ms = math.max(now + ARGV[p + 3], ARGV[p + 4])
    if width == 5 then
      store(key, p, ms)
      codes[i - 2] = '1'
    else
      codes[i - 2] = store_special(key, p, ms)
    end
  end
  p = p + width
end

if #ready > 0 then
  redis.call('LPUSH', pending, unpack(ready))
end
if #starts > 0 then
  redis.call('ZADD', scheduled, unpack(starts))
  redis.call('ZADD', due, unpack(exact))
end
if businesses > 0 then
  redis.call('SADD', biz, unpack(ARGV, 7, 6 + businesses))
end
local reply = whole(now) .. ':' .. table.concat(codes) .. (new and ':1:' or ':0:') .. table.concat(holders)
keep_receipt(KEYS[1], ARGV[2], ARGV[3], reply)
return reply
