-- Stores new tasks. ARGV from p, per task: ID, message, meta ('' = none), delay in ms, start in ms (0 = none), and for
-- `store_special` also: unique lock ('' = none), seconds that it lasts after the start, group ('' = none).
local ready, starts, exact, holders = {}, {}, {}, {}

local function starts_at(p)
  return math.max(now + ARGV[p + 3], ARGV[p + 4])
end

local function store_now(key, id, message, meta)
  ready[#ready + 1] = id
  if meta == '' then
    redis.call('HSET', key, 'msg', message, 'state', 'pending', 'pending_since', now_ns)
  else
    redis.call('HSET', key, 'msg', message, 'state', 'pending', 'pending_since', now_ns, 'tc', meta)
  end
end

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
  store_now(key, id, message, meta)
end

-- A task that joins its group now, instead of `store`.
local function join(asynq, key, p, group)
  redis.call('HSET', key, 'msg', ARGV[p + 1], 'state', 'aggregating')
  if ARGV[p + 2] ~= '' then
    redis.call('HSET', key, 'tc', ARGV[p + 2])
  end
  redis.call('ZADD', asynq .. 'g:' .. group, now_s, ARGV[p])
end

-- A task with a lock or a group; returns its code. Everything is checked before the lock is taken, so that no lock is
-- left without its task (protocol D13).
local function store_special(asynq, key, p)
  local lock, group, ms = ARGV[p + 5], ARGV[p + 7], starts_at(p)
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
    join(asynq, key, p, group)
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

-- Puts what was stored into the indexes.
local function index_stored(asynq, tc)
  if #ready > 0 then
    redis.call('LPUSH', asynq .. 'pending', unpack(ready))
  end
  if #starts > 0 then
    redis.call('ZADD', asynq .. 'scheduled', unpack(starts))
    redis.call('ZADD', tc .. 'due', unpack(exact))
  end
end
