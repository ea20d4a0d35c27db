-- @use time names totals receipt store schedules fires
-- schedule-fire: writes what schedulers have decided about schedules of one queue: tasks, plan and history. Each is written whole or
-- not at all, and only if its scheduler has read its newest state.
-- KEYS   receipt; pending
-- ARGV   now; slot; sequence; business_count; businesses...: names, then per write: a `write` and its fires, both of the prelude `fires`, and
--        their tasks: `item` of the prelude `store`
-- TOUCHES sch, next, soon, names, failing, fl, watch, sl:*, fires:*, aside:*, odd, n, scheduled, due, biz, groups, g:*, t:*, unique:*
-- RETURN `<now>:<codes>`, a code per write: 1 written, c changed, p paused, f in the future, e an ID exists, d a lock is held; `!<key>`: this key has a wrong
--        type, nothing was written; `!stale`: a late duplicate
-- BOUND  32 tasks and as many schedules, or a single schedule of 256 tasks
-- It has no `allow-oom`: Redis refuses it when memory is full.
local MAX_LINES_OF_QUEUE = 100000
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

-- Names of the schedules of the call. Whether one of its tasks was stored before: then each is looked for.
local names, any_stored = {}, false

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
    set_plan(tc, clock, write, ledger, is_paused, make_fires(asynq, tc, clock, write, ledger, first_item))
  end
  codes[#codes + 1] = code or '1'
  write = end_item
end
index_stored(asynq, tc)
call_in_parts('HSET', tc .. 'watch', added.watch)
for _, set in ipairs({ 'fl', 'next', 'soon' }) do
  call_in_parts('ZADD', tc .. set, added[set])
  call_in_parts('ZREM', tc .. set, removed[set])
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
