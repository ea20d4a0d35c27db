-- Runs: the tasks of schedules. `watch` has a flag for each until it has ended: `s:<number of the schedule>:<number of its line>:<name>`.
-- How a run ends, from the best to the worst: as `END_STATES` of the engine.
local ENDED = { completed = 0, gone = 1, cancelled = 2, archived = 3 }

-- Writes the end into its line of the history. Returns the logical time of the line; 0 = it is gone, and older than all that count.
local function end_line(tc, name, index, how)
  local key = tc .. 'fires:' .. name
  local line = index >= 0 and redis.call('LINDEX', key, int_text(index)) or ''
  local head, fire_ms, after_ms, ended, worst, id =
    string.match(line, '^(%d+;(%d+);(%-?%d+);%d+;%d*;%d*;%d+);(%d+);(%d*);%-?%d*;(.*)$')
  if not head then
    return 0
  end
  local taken = int_text(now - fire_ms - after_ms)
  line = table.concat({ head, ended + 1, math.max(tonumber(worst) or 0, how), taken, id }, ';')
  redis.call('LSET', key, int_text(index), line)
  return tonumber(fire_ms)
end

-- Ends a run: in the history, and with its schedule, which may wait for it.
-- RECORD ledger: no; last_line; open; awaits; ended_fire_ms
local function end_run(tc, id, flag, how)
  redis.call('HDEL', tc .. 'watch', id)
  local no, number, name = string.match(flag, '^s:(%d+):(%d+):(.*)$')
  local key = tc .. 'sl:' .. (name or '')
  local ledger = redis.call('HMGET', key, 'no', 'lines', 'open', 'awaits', 'ended_fire')
  -- It was removed. One of the same name is another one.
  if not no or ledger.no ~= no then
    return
  end
  local fire_ms = end_line(tc, name, ledger.last_line - number, how)
  local newest_ms = tonumber(ledger.ended_fire_ms or -1)
  if fire_ms > newest_ms then
    redis.call('HSET', key, 'ended_fire', int_text(fire_ms))
  end
  if fire_ms >= newest_ms and how >= ENDED.cancelled then
    redis.call('ZADD', tc .. 'failing', 0, name)
  elseif fire_ms > newest_ms then
    redis.call('ZREM', tc .. 'failing', name)
  end
  -- Its ledger must learn of the end, which is kept until then.
  if string.find(ledger.open or '', '\0' .. id .. '\0', 1, true) then
    redis.call('HSET', key, 'e:' .. id, how .. ';' .. int_text(now))
    if ledger.awaits == '1' then
      look_now(tc, name)
    end
  end
end

-- How a task has ended; nil = it has not. Go's workers do not tell.
-- RECORD task_row: state; own_state
local function end_of(asynq, id)
  local task_row = redis.pcall('HMGET', asynq .. 't:' .. id, FIELDS.task_row)
  if task_row.err or not task_row.state then
    return ENDED.gone
  elseif task_row.state == 'completed' then
    return task_row.own_state == 'cancelled' and ENDED.cancelled or ENDED.completed
  end
  return task_row.state == 'archived' and ENDED.archived or nil
end
