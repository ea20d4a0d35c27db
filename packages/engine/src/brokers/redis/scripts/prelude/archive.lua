-- Asynq's archive: at most 9,999 tasks of at most 90 days (protocol 3.13).
local ARCHIVED_MOST = 9999
local ARCHIVED_S = 7776000
-- In one call; larger lists overflow Lua's stack (protocol D15).
local TRIM_MOST = 1000

-- Puts tasks into the archive; first makes room, so that none of them can be trimmed itself.
local function archive(asynq, ids)
  local archived = asynq .. 'archived'
  local old = redis.call('ZRANGE', archived, '-inf', now_s - ARCHIVED_S, 'BYSCORE', 'LIMIT', 0, TRIM_MOST)
  if #old == 0 then
    local over = redis.call('ZCARD', archived) + #ids - ARCHIVED_MOST
    if over > 0 then
      old = redis.call('ZRANGE', archived, 0, math.min(over, TRIM_MOST) - 1)
    end
  end
  if #old > 0 then
    local keys = {}
    for i, id in ipairs(old) do
      keys[i] = asynq .. 't:' .. id
    end
    redis.call('DEL', unpack(keys))
    redis.call('ZREM', archived, unpack(old))
  end
  local scored = {}
  for i, id in ipairs(ids) do
    scored[2 * i - 1] = now_s
    scored[2 * i] = id
  end
  redis.call('ZADD', archived, unpack(scored))
end
