#!lua flags=allow-oom
-- @use time names receipt schedules
-- schedule-remove: removes schedules of one queue with their history. Their tasks stay.
-- KEYS   receipt; pending: names the queue
-- ARGV   now; slot; sequence; removals...
-- RECORD removal: name; expected: its revision, '' = any
-- TOUCHES sch, next, soon, names, failing, fl, watch, sl:*, fires:*
-- RETURN per schedule, each followed by a comma: `r<claim>` removed, `n` there is none, `v<revision>` it has another one; `!<key>`: this key has a wrong
--        type; `!stale`: a late duplicate
-- BOUND  16 schedules of 100 lines
local kept, stale = read_receipt()
if kept or stale then
  return kept or STALE
end
local _, tc = key_prefixes(KEYS.pending)
local wrong_key = find_wrong_schedule_key(tc)
if wrong_key then
  return '!' .. wrong_key
end

local function remove(name)
  local key, fires = tc .. 'sl:' .. name, tc .. 'fires:' .. name
  local lines = redis.pcall('LRANGE', fires, 0, -1)
  local number = not lines.err and #lines > 0 and redis.pcall('HGET', key, 'lines')
  if type(number) == 'string' then
    remove_members(tc, name, lines, tonumber(number))
  end
  local claim = redis.pcall('HGET', key, 'claim')
  redis.call('DEL', key, fires)
  redis.call('HDEL', tc .. 'sch', name)
  for _, set in ipairs({ 'names', 'next', 'soon', 'failing' }) do
    redis.call('ZREM', tc .. set, name)
  end
  return type(claim) == 'string' and claim or ''
end

local outcomes = {}
for removal = INDEX.removals, #ARGV, SIZE.removal do
  local name, expected = ARGV[removal].name, ARGV[removal].expected
  local head = name ~= '' and redis.call('HGET', tc .. 'sch', name)
  -- One with a damaged head has no revision, and can be removed.
  local revision = head and string.match(head, '^%d+') or '0'
  if not head then
    outcomes[#outcomes + 1] = 'n,'
  elseif expected ~= '' and expected ~= revision then
    outcomes[#outcomes + 1] = 'v' .. revision .. ','
  else
    outcomes[#outcomes + 1] = 'r' .. remove(name) .. ','
  end
end
local reply = table.concat(outcomes)
keep_receipt(reply)
return reply
