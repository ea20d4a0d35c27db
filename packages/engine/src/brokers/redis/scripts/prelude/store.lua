-- Stores new tasks. `store_now` needs a bare item, `store` a plain one, `store_special` all of it.
-- RECORD bare_item: id; message
-- RECORD plain_item: id; message; meta; delay_ms; run_at_ms
-- RECORD item: id; message; meta: '' = none; delay_ms; run_at_ms: 0 = none; lock: the unique lock, '' = none;
--        lock_seconds: how long it lasts after the start; group: '' = none
-- Collected here: what `index_stored` adds to the indexes, how many tasks joined a group, and the holders of locks that were taken, each as `<length>:<ID>`.
local pending_ids, start_entries, due_entries, holders, joined_count = {}, {}, {}, {}, 0

-- The later of delay and start.
local function start_ms(item)
  return math.max(now + ARGV[item].delay_ms, ARGV[item].run_at_ms)
end

-- Stores a task that is pending at once.
local function store_now(key, id, message, meta)
  pending_ids[#pending_ids + 1] = id
  if meta == '' then
    redis.call('HSET', key, FIELD.message, message, FIELD.state, 'pending', FIELD.pending_since, now_ns)
  else
    redis.call('HSET', key, FIELD.message, message, FIELD.state, 'pending', FIELD.pending_since, now_ns, FIELD.meta, meta)
  end
end

-- Stores a task that starts at `ms`: scheduled if that is in the future, else pending.
local function store(key, item, ms)
  local id, message, meta = ARGV[item].id, ARGV[item].message, ARGV[item].meta
  if ms > now then
    local size = #start_entries
    start_entries[size + 1], start_entries[size + 2] = int_text(math.ceil(ms / 1000)), id
    due_entries[size + 1], due_entries[size + 2] = int_text(ms), id
    redis.call('HSET', key, FIELD.message, message, FIELD.state, 'scheduled', FIELD.due_ms, int_text(ms))
    if meta ~= '' then
      redis.call('HSET', key, FIELD.meta, meta)
    end
    return
  end
  store_now(key, id, message, meta)
end

-- Stores a task that joins its group now, where `store` would make it pending.
local function join_group(asynq, key, item, group)
  joined_count = joined_count + 1
  redis.call('HSET', key, FIELD.message, ARGV[item].message, FIELD.state, 'aggregating')
  if ARGV[item].meta ~= '' then
    redis.call('HSET', key, FIELD.meta, ARGV[item].meta)
  end
  redis.call('ZADD', asynq .. 'g:' .. group, now_s, ARGV[item].id)
end

-- Stores a task with a lock or a group; returns its code. Checks everything before it takes the lock: a lock must not be left
-- without its task.
local function store_special(asynq, key, item)
  local lock, group, ms = ARGV[item].lock, ARGV[item].group, start_ms(item)
  local groups = asynq .. 'groups'
  if group ~= '' and find_wrong_type(groups, 'set', asynq .. 'g:' .. group, 'zset') then
    return CODE.wrong_type
  end
  if lock ~= '' then
    local seconds = math.floor(math.max(0, ms - now) / 1000 + ARGV[item].lock_seconds)
    if not redis.call('SET', lock, ARGV[item].id, 'NX', 'EX', int_text(seconds)) then
      local holder = redis.pcall('GET', lock)
      holders[#holders + 1] = type(holder) == 'string' and #holder .. ':' .. holder or '0:'
      return CODE.duplicate
    end
  end
  if group ~= '' and ms <= now then
    join_group(asynq, key, item, group)
  else
    store(key, item, ms)
  end
  if lock ~= '' then
    redis.call('HSET', key, FIELD.unique_key, lock)
  end
  if group ~= '' then
    -- Also with a later start: the forwarder reads the group from the hash, and aggregators see only groups in `groups`.
    redis.call('HSET', key, FIELD.group, group)
    redis.call('SADD', groups, group)
  end
  return CODE.done
end

-- Counts the stored tasks, and adds them to the indexes: `pending`, or `scheduled` and `due`.
local function index_stored(asynq, tc)
  local stored_count = #pending_ids + #start_entries / 2 + joined_count
  if stored_count > 0 then
    add_total(tc, 'enqueued', stored_count)
  end
  if #pending_ids > 0 then
    redis.call('LPUSH', asynq .. 'pending', unpack(pending_ids))
  end
  if #start_entries > 0 then
    redis.call('ZADD', asynq .. 'scheduled', unpack(start_entries))
    redis.call('ZADD', tc .. 'due', unpack(due_entries))
  end
end
