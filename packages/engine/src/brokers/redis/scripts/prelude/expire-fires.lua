-- The janitor's part in schedules: old lines of the history, and runs whose end nobody told.

-- Removes lines that are too old from the histories of schedules, and from that of the queue. Looks at `limit` lines of the queue. They
-- are in the order of their logical times; those of one schedule are in the order of writing.
local function expire_lines(tc, limit)
  -- @use schedules
  local KEEP_MS = 2592000000
  local old_ms = now - KEEP_MS
  local old = redis.pcall('ZRANGE', tc .. 'fl', '-inf', '(' .. int_text(old_ms), 'BYSCORE', 'LIMIT', 0, limit)
  local seen = {}
  for _, member in ipairs(old.err and {} or old) do
    local name = string.match(member, '^%d+:%d+:(.*)$') or ''
    local key = tc .. 'fires:' .. name
    local lines = not seen[name] and redis.pcall('LRANGE', key, 0, -1) or {}
    seen[name] = true
    local kept = #lines
    while kept > 0 do
      local _, fire_ms, after_ms = start_of(lines[kept])
      if fire_ms and fire_ms + after_ms >= old_ms then
        break
      end
      kept = kept - 1
    end
    local last = tonumber(redis.pcall('HGET', tc .. 'sl:' .. name, 'lines') or 0)
    if kept < #lines and type(last) == 'number' then
      remove_members(tc, name, { unpack(lines, kept + 1) }, last - kept)
      redis.call('LTRIM', key, 0, kept - 1)
      if kept == 0 then
        redis.call('DEL', key)
      end
    elseif #lines == 0 and redis.call('EXISTS', key) == 0 then
      redis.call('ZREM', tc .. 'fl', member)
    end
  end
end

-- Ends runs of the queue, of a random sample, whose tasks have ended or are gone. Go's workers do not tell.
local function end_untold_runs(asynq, tc, sample)
  -- @use schedules runs
  local found = redis.pcall('HRANDFIELD', tc .. 'watch', sample, 'WITHVALUES')
  for i = 1, found.err and 0 or #found, 2 do
    local id, flag = found[i], found[i + 1]
    local how = end_of(asynq, id)
    if how then
      pcall(end_run, tc, id, flag, how)
    end
  end
end

local function look_after_fires(asynq, tc, sample, limit)
  if redis.call('EXISTS', tc .. 'watch') == 1 then
    end_untold_runs(asynq, tc, sample)
  end
  if redis.call('EXISTS', tc .. 'fl') == 1 then
    expire_lines(tc, limit)
  end
end
