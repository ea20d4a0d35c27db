-- @use time names receipt store schedules
-- schedule-fire: writes what schedulers have decided about schedules of one queue: tasks, plan and history. Each is written whole or
-- not at all, and only if its scheduler has read its newest state.
-- KEYS   receipt; pending
-- ARGV   now; slot; sequence; business_count; businesses...: names, then per write: a `write`, its fires, their tasks (`item` of the prelude `store`)
-- RECORD write: name; stamp: as it was read; is_manual: whether a paused schedule may do this, 1/0; latest_ms: the last logical time,
--        0 = none; fires: their number; tasks: their number; ledger; last_ms: '' = none; next_ms: '' = none; look_ms: '' = none; runs;
--        awaits: 1/0; open: IDs, with a zero byte before the first and behind each, '' = none
-- TOUCHES sch, next, soon, names, failing, fl, watch, sl:*, fires:*, aside:*, odd, scheduled, due, biz, groups, g:*, t:*, unique:*
-- RECORD fire: outcome; fire_ms; span_ms: until its last logical time, '' = 0; count: '' = 1; tasks: their number
-- RETURN `<now>:<codes>`, a code per write: 1 written, c changed, p paused, f in the future, e an ID exists, d a lock is held; `!<key>`: this key has a wrong
--        type, nothing was written; `!stale`: a late duplicate
-- BOUND  64 tasks and as many schedules, or a single schedule of 256 tasks
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

-- What all writes of the call add and remove is collected here, and written with a command for each key.
local added = { fl = {}, watch = {}, next = {}, soon = {} }
local removed = { fl = {}, next = {}, soon = {} }
-- Names of the schedules and IDs of the tasks of the call. Whether one of the tasks is stored: then each is looked for.
local names, stored = {}, {}
local any_stored = false

local function collect(list, first, second)
  list[#list + 1] = first
  if second then
    list[#list + 1] = second
  end
end

local function call_in_parts(command, name, values)
  for i = 1, #values, 2000 do
    redis.call(command, tc .. name, unpack(values, i, math.min(i + 1999, #values)))
  end
end

-- Parses where a write has its tasks, and where it ends.
local function items_at(write)
  local first = write + SIZE.write + ARGV[write].fires * SIZE.fire
  return first, first + ARGV[write].tasks * SIZE.item
end

-- Looks at all writes once. Returns the heads of their schedules, by name.
local function read_heads(first_write)
  local write, keys, heads = first_write, {}, {}
  while write <= #ARGV do
    local first_item, end_item = items_at(write)
    names[#names + 1] = ARGV[write].name
    for item = first_item, end_item - 1, SIZE.item do
      keys[#keys + 1] = asynq .. 't:' .. ARGV[item].id
    end
    write = end_item
  end
  for i = 1, #keys, 2000 do
    any_stored = any_stored or redis.call('EXISTS', unpack(keys, i, math.min(i + 1999, #keys))) > 0
  end
  for i, head in ipairs(#names > 0 and redis.call('HMGET', tc .. 'sch', unpack(names)) or {}) do
    heads[names[i]] = names[i] ~= '' and head
  end
  return heads
end

-- Why the tasks cannot be stored; nil = they can.
local function find_refusal(first_item, end_item)
  local ids, locks = {}, {}
  for item = first_item, end_item - 1, SIZE.item do
    local id, lock, group = ARGV[item].id, ARGV[item].lock, ARGV[item].group
    if ids[id] or stored[id] or any_stored and redis.call('EXISTS', asynq .. 't:' .. id) == 1 then
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
  local key = tc .. 'fires:' .. name
  for i, line in ipairs(lines) do
    collect(added.fl, string.match(line, '^%d+;(%d+)'), member_of(line, int_text(first + i - 1), name))
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
local function make_fires(write, ledger, first_item)
  local name, item, lines, ids = ARGV[write].name, first_item, {}, {}
  local last, fires = tonumber(ledger.lines), tonumber(ARGV[write].fires)
  for i = 1, fires do
    local fire = write + SIZE.write + (i - 1) * SIZE.fire
    local tasks, fire_ms = tonumber(ARGV[fire].tasks), ARGV[fire].fire_ms
    lines[i] = table.concat({
      -- Stamps begin with the time in µs: the rest is short.
      int_text(next_stamp(clock) - now * 1000), fire_ms, int_text(now - fire_ms), ARGV[fire].outcome, ARGV[fire].count, ARGV[fire].span_ms, tasks,
      '0;;', tasks > 0 and ARGV[item].id or '',
    }, ';')
    for _ = 1, tasks do
      local id = ARGV[item].id
      collect(added.watch, id, 's:' .. ledger.no .. ':' .. int_text(last + i) .. ':' .. name)
      store_special(asynq, asynq .. 't:' .. id, item)
      ids[id], stored[id] = true, true
      item = item + SIZE.item
    end
  end
  if fires > 0 then
    add_lines(name, lines, last + 1)
  end
  return last + fires, ids
end

-- Whether one of these open runs has ended since the plan was made. made: IDs of those that begin now.
local function has_ended_run(no, open, made)
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

local function set_plan(write, ledger, is_paused, lines, made)
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
  call_in_parts('HDEL', 'sl:' .. name, forgotten)
  if ARGV[write].awaits == '1' and has_ended_run(ledger.no, open, made) and (look_ms == '' or tonumber(look_ms) > now) then
    look_ms = int_text(now)
  end
  set_time('next', name, look_ms)
  set_time('soon', name, is_paused and '' or ARGV[write].next_ms)
end

local businesses, codes = tonumber(ARGV.business_count), {}
local write = INDEX.businesses + businesses
local heads = read_heads(write)
while write <= #ARGV do
  local name = ARGV[write].name
  local first_item, end_item = items_at(write)
  local head, ledger = heads[name], redis.pcall('HMGET', tc .. 'sl:' .. name, 'stamp', 'no', 'lines', 'open')
  local code = refuse(write, head, ledger, first_item, end_item)
  if not code then
    local is_paused = string.match(head, '^%d+;%d+;%d+;%d+;(%d)') == '1'
    set_plan(write, ledger, is_paused, make_fires(write, ledger, first_item))
  end
  codes[#codes + 1] = code or '1'
  write = end_item
end
index_stored(asynq, tc)
call_in_parts('HSET', 'watch', added.watch)
for _, set in ipairs({ 'fl', 'next', 'soon' }) do
  call_in_parts('ZADD', set, added[set])
  call_in_parts('ZREM', set, removed[set])
end
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
