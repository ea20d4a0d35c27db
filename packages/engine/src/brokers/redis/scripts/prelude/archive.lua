-- Asynq's archive: it keeps at most 9,999 tasks, each for at most 90 days.
local MAX_ARCHIVED = 9999
local MAX_ARCHIVED_S = 7776000
-- Tasks removed in one call, as `unpack` of a larger list overflows Lua's stack. The janitor's `expire` removes the rest.
local MAX_TRIM = 1000

-- Makes room for `incoming` more tasks: removes tasks that are too old or too many, with their hashes, at most `limit`.
-- Returns how many it removed.
local function trim_archive(asynq, incoming, limit)
  local archived = asynq .. 'archived'
  local excess = math.min(limit, redis.call('ZCARD', archived) + incoming - MAX_ARCHIVED)
  local oldest = redis.call('ZRANGE', archived, '-inf', now_s - MAX_ARCHIVED_S, 'BYSCORE', 'LIMIT', 0, limit)
  if #oldest < excess then
    oldest = redis.call('ZRANGE', archived, 0, excess - 1)
  end
  if #oldest > 0 then
    remove_found(asynq, oldest, 'archived')
    redis.call('ZREM', archived, unpack(oldest))
  end
  return #oldest
end

-- Adds tasks to the archive. Trims first: otherwise it could remove the tasks it has just added.
local function add_to_archive(asynq, ids)
  local archived = asynq .. 'archived'
  trim_archive(asynq, #ids, MAX_TRIM)
  local scored = {}
  for i, id in ipairs(ids) do
    scored[2 * i - 1] = now_s
    scored[2 * i] = id
  end
  redis.call('ZADD', archived, unpack(scored))
end
