-- @use time names receipt store schedules
-- schedule-fire: writes what schedulers have decided about schedules of one queue: tasks, plan and history. Each is written whole or
-- not at all, and only if its scheduler has read its newest state.
-- KEYS   receipt; pending
-- ARGV   now; slot; sequence; business_count; businesses...: names, then per write: a `write`, its fires, their tasks (`item` of the prelude `store`)
-- RECORD write: name; stamp: as it was read; is_manual: whether a paused schedule may do this, 1/0; latest_ms: the last logical time,
--        0 = none; fires: their number; tasks: their number; ledger; last_ms: '' = none; next_ms: '' = none; look_ms: '' = none; runs;
--        awaits: 1/0; open: IDs, with a zero byte before the first and behind each, '' = none
-- TOUCHES sch, next, soon, names, fl, watch, sl:*, fires:*, aside:*, odd, scheduled, due, biz, groups, g:*, t:*, unique:*
-- RECORD fire: outcome; fire_ms; span_ms: until its last logical time; count; tasks: their number
-- RETURN `<now>:<codes>`, a code per write: 1 written, c changed, p paused, f in the future, e an ID exists, d a lock is held; `!<key>`: this key has a wrong
--        type, nothing was written; `!stale`: a late duplicate
-- BOUND  256 tasks and as many schedules, or a single schedule
-- It has no `allow-oom`: Redis refuses it when memory is full.
local MAX_LINES, MAX_LINES_OF_QUEUE = 100, 100000
local kept, stale = read_receipt()
if kept or stale then
  return kept or STALE
end
local pending = KEYS.pending
local asynq, tc = key_prefixes(pending)
local wrong_key = find_wrong_schedule_key(tc)
  or find_wrong_type(pending, 'list', asynq .. 'scheduled', 'zset', tc .. 'due', 'zset', tc .. 'biz', 'set', asynq .. 'groups', 'set')
if wrong_key then
  return '!' .. wrong_key
end
local clock = read_clock(tc)

-- Why the tasks cannot be stored; nil = they can.
local function find_refusal(first_item, end_item)
  local ids, locks = {}, {}
  for item = first_item, end_item - 1, SIZE.item do
    local id, lock, group = ARGV[item].id, ARGV[item].lock, ARGV[item].group
    if ids[id] or redis.call('EXISTS', asynq .. 't:' .. id) == 1 then
      return 'e'
    elseif group ~= '' and find_wrong_type(asynq .. 'g:' .. group, 'zset') then
      return 'e'
    elseif lock ~= '' and (locks[lock] or redis.call('EXISTS', lock) == 1) then
      return 'd'
    end
    ids[id], locks[lock] = true, true
  end
end

-- RECORD ledger: stamp; no; lines; open
local function refuse(write, head, ledger, first_item, end_item)
  if not head or ledger.err or ledger.stamp ~= ARGV[write].stamp then
    return 'c'
  elseif string.match(head, '^%d+;%d+;%d+;%d+;(%d)') == '1' and ARGV[write].is_manual == '0' then
    return 'p'
  elseif tonumber(ARGV[write].latest_ms) > now then
    return 'f'
  end
  return find_refusal(first_item, end_item)
end

-- Adds lines to the history of a schedule. first: number of the first of them.
local function add_lines(name, lines, first)
  local key, entries = tc .. 'fires:' .. name, {}
  if find_wrong_type(key, 'list') then
    rename_key(tc, key, 'fires:' .. name)
  end
  for i, line in ipairs(lines) do
    entries[2 * i - 1], entries[2 * i] = string.match(line, '^%d+;(%d+)'), member_of(line, int_text(first + i - 1), name)
  end
  redis.call('ZADD', tc .. 'fl', unpack(entries))
  redis.call('LPUSH', key, unpack(lines))
  local surplus = redis.call('LRANGE', key, MAX_LINES, -1)
  if #surplus > 0 then
    remove_members(tc, name, surplus, first + #lines - 1 - MAX_LINES)
    redis.call('LTRIM', key, 0, MAX_LINES - 1)
  end
end

-- Stores the tasks of fires. Returns the number of the last line.
local function make_fires(write, ledger, first_item)
  local name, item, lines, flags = ARGV[write].name, first_item, {}, {}
  local last, fires = tonumber(ledger.lines), tonumber(ARGV[write].fires)
  for i = 1, fires do
    local fire = write + SIZE.write + (i - 1) * SIZE.fire
    local tasks, fire_ms = tonumber(ARGV[fire].tasks), ARGV[fire].fire_ms
    lines[i] = table.concat({
      next_stamp(clock), fire_ms, int_text(now - fire_ms), ARGV[fire].outcome, ARGV[fire].count, ARGV[fire].span_ms, tasks,
      '0;;', tasks > 0 and ARGV[item].id or '',
    }, ';')
    for _ = 1, tasks do
      local id = ARGV[item].id
      flags[#flags + 1], flags[#flags + 2] = id, 's:' .. ledger.no .. ':' .. int_text(last + i) .. ':' .. name
      store_special(asynq, asynq .. 't:' .. id, item)
      item = item + SIZE.item
    end
  end
  if fires > 0 then
    add_lines(name, lines, last + 1)
  end
  for i = 1, #flags, 2000 do
    redis.call('HSET', tc .. 'watch', unpack(flags, i, math.min(i + 1999, #flags)))
  end
  return last + fires
end

-- Whether one of these open runs has ended since the plan was made.
local function has_ended_run(no, open)
  local ids = {}
  for id in string.gmatch(open, '[^%z]+') do
    ids[#ids + 1] = id
  end
  local flags = #ids > 0 and redis.call('HMGET', tc .. 'watch', unpack(ids)) or {}
  for _, flag in ipairs(flags) do
    if not flag or string.match(flag, '^s:(%d+):') ~= no then
      return true
    end
  end
  return false
end

local function set_plan(write, ledger, is_paused, lines)
  local name, open, look_ms = ARGV[write].name, ARGV[write].open, ARGV[write].look_ms
  local key = tc .. 'sl:' .. name
  redis.call(
    'HSET', key, 'stamp', next_stamp(clock), 'planned', int_text(now), 'ledger', ARGV[write].ledger, 'last', ARGV[write].last_ms,
    'next', ARGV[write].next_ms, 'runs', ARGV[write].runs, 'open', open, 'awaits', ARGV[write].awaits, 'lines', int_text(lines)
  )
  -- The ledger no longer counts these as open.
  for id in string.gmatch(ledger.open ~= open and ledger.open or '', '[^%z]+') do
    if not string.find(open, '\0' .. id .. '\0', 1, true) then
      redis.call('HDEL', key, 'e:' .. id)
    end
  end
  if ARGV[write].awaits == '1' and has_ended_run(ledger.no, open) and (look_ms == '' or tonumber(look_ms) > now) then
    look_ms = int_text(now)
  end
  set_times(tc, name, look_ms, is_paused and '' or ARGV[write].next_ms)
end

local businesses, codes = tonumber(ARGV.business_count), {}
local write = INDEX.businesses + businesses
while write <= #ARGV do
  local name, fires, tasks = ARGV[write].name, tonumber(ARGV[write].fires), tonumber(ARGV[write].tasks)
  local first_item = write + SIZE.write + fires * SIZE.fire
  local end_item = first_item + tasks * SIZE.item
  local head = name ~= '' and redis.call('HGET', tc .. 'sch', name)
  local ledger = redis.pcall('HMGET', tc .. 'sl:' .. name, 'stamp', 'no', 'lines', 'open')
  local code = refuse(write, head, ledger, first_item, end_item)
  if not code then
    local is_paused = string.match(head, '^%d+;%d+;%d+;%d+;(%d)') == '1'
    set_plan(write, ledger, is_paused, make_fires(write, ledger, first_item))
  end
  codes[#codes + 1] = code or '1'
  write = end_item
end
index_stored(asynq, tc)
if businesses > 0 then
  redis.call('SADD', tc .. 'biz', unpack(ARGV, INDEX.businesses, INDEX.businesses + businesses - 1))
end
local surplus = redis.call('ZCARD', tc .. 'fl') - MAX_LINES_OF_QUEUE
if surplus > 0 then
  redis.call('ZREMRANGEBYRANK', tc .. 'fl', 0, surplus - 1)
end
write_clock(tc, clock)
local reply = int_text(now) .. ':' .. table.concat(codes)
keep_receipt(reply)
return reply
