-- Writes the fires of schedules: their tasks, lines of their histories, and their plans.
-- RECORD write: name; stamp: as it was read; is_manual: whether a paused schedule may do this, 1/0; latest_ms: the last logical time,
--        0 = none; fires: their number; tasks: their number; ledger; last_ms: '' = none; next_ms: '' = none; look_ms: '' = none; runs;
--        awaits: 1/0; open: IDs, with a zero byte before the first and behind each, '' = none
-- RECORD fire: outcome: '' = 0; time: the logical time, ms in base 36; span_ms: until its last logical time, '' = 0; count: '' = 1;
--        tasks: their number, '' = 1; task: ID of the first one as lines have it, '' = there is none
-- RECORD ledger: stamp; no; lines; open
local MAX_LINES = 100
-- What all writes of the call add and remove is collected here, and written with a command for each key.
local added = { fl = {}, watch = {}, next = {}, soon = {} }
local removed = { fl = {}, next = {}, soon = {} }
-- IDs of the tasks that the call has stored.
local stored = {}

local function collect(list, first, second)
  list[#list + 1] = first
  if second then
    list[#list + 1] = second
  end
end

local function call_in_parts(command, key, values)
  for i = 1, #values, 2000 do
    redis.call(command, key, unpack(values, i, math.min(i + 1999, #values)))
  end
end

-- Adds lines to the history of a schedule. first: number of the first of them.
local function add_lines(tc, name, lines, first)
  local key = tc .. 'fires:' .. name
  for i, line in ipairs(lines) do
    local _, fire_ms = start_of(line)
    collect(added.fl, int_text(fire_ms), member_of(line, int_text(first + i - 1), name))
  end
  local kept = redis.pcall('LPUSH', key, unpack(lines))
  if type(kept) == 'table' then
    rename_key(tc, key, 'fires:' .. name)
    kept = redis.call('LPUSH', key, unpack(lines))
  end
  if kept > MAX_LINES then
    -- The oldest first.
    local number = first + #lines - 1 - kept
    for i, line in ipairs(redis.call('RPOP', key, int_text(kept - MAX_LINES))) do
      collect(removed.fl, member_of(line, int_text(number + i), name))
    end
  end
end

-- Stores the tasks of fires. Returns the number of the last line, and the tasks' IDs.
local function make_fires(asynq, tc, clock, write, ledger, first_item)
  local name, item, lines, ids = ARGV[write].name, first_item, {}, {}
  local last, fires = tonumber(ledger.lines), tonumber(ARGV[write].fires)
  for i = 1, fires do
    local fire = write + SIZE.write + (i - 1) * SIZE.fire
    local tasks, time = ARGV[fire].tasks, ARGV[fire].time
    lines[i] = table.concat({
      -- Stamps begin with the time in µs: the rest is short.
      int_text(next_stamp(clock) - now * 1000), time, int_text(now - tonumber(time, 36)), ARGV[fire].outcome, ARGV[fire].count, ARGV[fire].span_ms,
      tasks, ';;', ARGV[fire].task,
    }, ';')
    for _ = 1, tonumber(tasks) or 1 do
      local id = ARGV[item].id
      collect(added.watch, id, 's:' .. ledger.no .. ':' .. int_text(last + i) .. ':' .. name)
      store_special(asynq, asynq .. 't:' .. id, item)
      ids[id], stored[id] = true, true
      item = item + SIZE.item
    end
  end
  if fires > 0 then
    add_lines(tc, name, lines, last + 1)
  end
  return last + fires, ids
end

-- Whether one of these open runs has ended since the plan was made. made: IDs of those that begin now.
local function has_ended_run(tc, no, open, made)
  local ids = {}
  for id in string.gmatch(open, '[^%z]+') do
    ids[#ids + 1] = not made[id] and id or nil
  end
  local flags = #ids > 0 and redis.call('HMGET', tc .. 'watch', unpack(ids)) or {}
  for _, flag in ipairs(flags) do
    if not flag or string.match(flag, '^s:(%d+):') ~= no then
      return true
    end
  end
  return false
end

-- In `next` or `soon`; '' = never.
local function set_time(set, name, ms)
  if ms == '' then
    collect(removed[set], name)
  else
    collect(added[set], ms, name)
  end
end

local function set_plan(tc, clock, write, ledger, is_paused, lines, made)
  local name, open, look_ms = ARGV[write].name, ARGV[write].open, ARGV[write].look_ms
  local key, forgotten = tc .. 'sl:' .. name, {}
  redis.call(
    'HSET', key, 'stamp', next_stamp(clock), 'planned', int_text(now), 'ledger', ARGV[write].ledger, 'last', ARGV[write].last_ms,
    'next', ARGV[write].next_ms, 'runs', ARGV[write].runs, 'open', open, 'awaits', ARGV[write].awaits, 'lines', int_text(lines)
  )
  -- The ledger no longer counts these as open.
  for id in string.gmatch(ledger.open ~= open and ledger.open or '', '[^%z]+') do
    if not string.find(open, '\0' .. id .. '\0', 1, true) then
      collect(forgotten, 'e:' .. id)
    end
  end
  call_in_parts('HDEL', key, forgotten)
  if ARGV[write].awaits == '1' and has_ended_run(tc, ledger.no, open, made) and (look_ms == '' or tonumber(look_ms) > now) then
    look_ms = int_text(now)
  end
  set_time('next', name, look_ms)
  set_time('soon', name, is_paused and '' or ARGV[write].next_ms)
end
