-- Stores new tasks. ARGV from p, per task: ID, message, meta ('' = none), delay in ms, start in ms (0 = none). For
-- `store_special` also: unique lock ('' = none), seconds that it lasts after the start, group ('' = none).
-- Collected here: what `index_stored` adds to the indexes, and the holders of locks that were taken, each as `<length>:<ID>`.
local pending_ids, start_entries, due_entries, holders = {}, {}, {}, {}

-- The later of delay and start.
local function start_ms(p)
  return math.max(now + ARGV[p + 3], ARGV[p + 4])
end

-- Stores a task that is pending at once.
local function store_now(key, id, message, meta)
  pending_ids[#pending_ids + 1] = id
  if meta == '' then
    redis.call('HSET', key, 'msg', message, 'state', 'pending', 'pending_since', now_ns)
  else
    redis.call('HSET', key, 'msg', message, 'state', 'pending', 'pending_since', now_ns, 'tc', meta)
  end
end

-- Stores a task that starts at `ms`: scheduled if that is in the future, else pending.
local function store(key, p, ms)
  local id, message, meta = ARGV[p], ARGV[p + 1], ARGV[p + 2]
  if ms > now then
    local size = #start_entries
    start_entries[size + 1], start_entries[size + 2] = int_text(math.ceil(ms / 1000)), id
    due_entries[size + 1], due_entries[size + 2] = int_text(ms), id
    redis.call('HSET', key, 'msg', message, 'state', 'scheduled', 'tc:d', int_text(ms))
    if meta ~= '' then
      redis.call('HSET', key, 'tc', meta)
    end
    return
  end
  store_now(key, id, message, meta)
end

-- Stores a task that joins its group now, where `store` would make it pending.
local function join_group(asynq, key, p, group)
  redis.call('HSET', key, 'msg', ARGV[p + 1], 'state', 'aggregating')
  if ARGV[p + 2] ~= '' then
    redis.call('HSET', key, 'tc', ARGV[p + 2])
  end
  redis.call('ZADD', asynq .. 'g:' .. group, now_s, ARGV[p])
end

-- Stores a task with a lock or a group; returns its code. Checks everything before it takes the lock: a lock must not be left
-- without its task.
local function store_special(asynq, key, p)
  local lock, group, ms = ARGV[p + 5], ARGV[p + 7], start_ms(p)
  local groups = asynq .. 'groups'
  if group ~= '' and find_wrong_type(groups, 'set', asynq .. 'g:' .. group, 'zset') then
    return 'x'
  end
  if lock ~= '' then
    local seconds = math.floor(math.max(0, ms - now) / 1000 + ARGV[p + 6])
    if not redis.call('SET', lock, ARGV[p], 'NX', 'EX', int_text(seconds)) then
      local holder = redis.pcall('GET', lock)
      holders[#holders + 1] = type(holder) == 'string' and #holder .. ':' .. holder or '0:'
      return 'd'
    end
  end
  if group ~= '' and ms <= now then
    join_group(asynq, key, p, group)
  else
    store(key, p, ms)
  end
  if lock ~= '' then
    redis.call('HSET', key, 'unique_key', lock)
  end
  if group ~= '' then
    -- Also with a later start: the forwarder reads the group from the hash, and aggregators see only groups in `groups`.
    redis.call('HSET', key, 'group', group)
    redis.call('SADD', groups, group)
  end
  return '1'
end

-- Adds the stored tasks to the indexes: `pending`, or `scheduled` and `due`.
local function index_stored(asynq, tc)
  if #pending_ids > 0 then
    redis.call('LPUSH', asynq .. 'pending', unpack(pending_ids))
  end
  if #start_entries > 0 then
    redis.call('ZADD', asynq .. 'scheduled', unpack(start_entries))
    redis.call('ZADD', tc .. 'due', unpack(due_entries))
  end
end
