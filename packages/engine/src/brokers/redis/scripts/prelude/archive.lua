-- Asynq's archive: at most 9,999 tasks of at most 90 days (protocol 3.13).
local ARCHIVED_MOST = 9999
local ARCHIVED_S = 7776000
-- In one call; larger lists overflow Lua's stack (protocol D15). What is left the janitor drops.
local TRIM_MOST = 1000
local ELSEWHERE = {
  pending = true, active = true, scheduled = true, retry = true, aggregating = true, completed = true, archived = true,
}

-- Deletes the tasks of an index's IDs, but none that is in another state: a foreign ID may be that of a live task.
local function delete_tasks(asynq, ids, state)
  local keys = {}
  for _, id in ipairs(ids) do
    local key = asynq .. 't:' .. id
    local found = redis.pcall('HGET', key, 'state')
    if found == state or not ELSEWHERE[found] then
      keys[#keys + 1] = key
    end
  end
  if #keys > 0 then
    redis.call('DEL', unpack(keys))
  end
end

-- Makes room for so many more: the oldest tasks go, with their hashes. Returns how many went.
local function trim_archive(asynq, coming, most)
  local archived = asynq .. 'archived'
  local over = math.min(most, redis.call('ZCARD', archived) + coming - ARCHIVED_MOST)
  local old = redis.call('ZRANGE', archived, '-inf', now_s - ARCHIVED_S, 'BYSCORE', 'LIMIT', 0, most)
  if #old < over then
    old = redis.call('ZRANGE', archived, 0, over - 1)
  end
  if #old > 0 then
    delete_tasks(asynq, old, 'archived')
    redis.call('ZREM', archived, unpack(old))
  end
  return #old
end

-- Puts tasks into the archive; first makes room, so that none of them can be trimmed itself.
local function archive(asynq, ids)
  local archived = asynq .. 'archived'
  trim_archive(asynq, #ids, TRIM_MOST)
  local scored = {}
  for i, id in ipairs(ids) do
    scored[2 * i - 1] = now_s
    scored[2 * i] = id
  end
  redis.call('ZADD', archived, unpack(scored))
end
