-- Runs: the tasks of schedules. `watch` has a flag for each until it has ended: `s:<number of the schedule>:<number of its line>:<name>`.
-- How a run ends, from the best to the worst: as `END_STATES` of the engine.
local ENDED = { completed = 0, gone = 1, cancelled = 2, archived = 3 }

-- Writes the end into its line of the history. Returns the logical time of the line; 0 = it is gone, and older than all that count.
local function end_line(tc, name, index, how)
  local key = tc .. 'fires:' .. name
  local line = index >= 0 and redis.call('LINDEX', key, int_text(index)) or ''
  local head, ended, worst, id = string.match(line, '^(%d+;%w+;%-?%d+;%d*;%d*;%d*;%d*);(%d*);(%d*);%-?%d*;(.*)$')
  local _, fire_ms, after_ms = start_of(line)
  if not head or not fire_ms then
    return 0
  end
  how = math.max(tonumber(worst) or 0, how)
  local taken = int_text(now - fire_ms - after_ms)
  line = table.concat({ head, (tonumber(ended) or 0) + 1, how == 0 and '' or how, taken, id }, ';')
  redis.call('LSET', key, int_text(index), line)
  return fire_ms
end

-- Schedules whose runs have ended in this call, by name: whether they are failing now. `write_failing` writes it.
local is_failing = {}

local function write_failing(tc)
  local failing, fine = {}, {}
  for name, is in pairs(is_failing) do
    if is then
      failing[#failing + 1], failing[#failing + 2] = 0, name
    else
      fine[#fine + 1] = name
    end
  end
  is_failing = {}
  if #failing > 0 then
    redis.call('ZADD', tc .. 'failing', unpack(failing))
  end
  if #fine > 0 then
    redis.call('ZREM', tc .. 'failing', unpack(fine))
  end
end

-- Records the end of a run that `watch` no longer has: in the history, and with its schedule, which may wait for it.
-- RECORD ledger: no; last_line; open; awaits; ended_fire_ms
local function record_end(tc, id, flag, how)
  local no, number, name = string.match(flag, '^s:(%d+):(%d+):(.*)$')
  local key = tc .. 'sl:' .. (name or '')
  local ledger = redis.call('HMGET', key, 'no', 'lines', 'open', 'awaits', 'ended_fire')
  -- It was removed. One of the same name is another one.
  if not no or ledger.no ~= no then
    return
  end
  local fire_ms = end_line(tc, name, ledger.last_line - number, how)
  local newest_ms = tonumber(ledger.ended_fire_ms or -1)
  local fields = {}
  if fire_ms > newest_ms then
    fields[1], fields[2] = 'ended_fire', int_text(fire_ms)
  end
  if fire_ms >= newest_ms and how >= ENDED.cancelled then
    is_failing[name] = true
  elseif fire_ms > newest_ms then
    is_failing[name] = false
  end
  -- Its ledger must learn of the end, which is kept until then.
  local is_open = string.find(ledger.open or '', '\0' .. id .. '\0', 1, true)
  if is_open then
    fields[#fields + 1], fields[#fields + 2] = 'e:' .. id, how .. ';' .. int_text(now)
  end
  if #fields > 0 then
    redis.call('HSET', key, unpack(fields))
  end
  if is_open and ledger.awaits == '1' then
    look_now(tc, name)
  end
end

-- Ends a run.
local function end_run(tc, id, flag, how)
  redis.call('HDEL', tc .. 'watch', id)
  record_end(tc, id, flag, how)
  write_failing(tc)
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
