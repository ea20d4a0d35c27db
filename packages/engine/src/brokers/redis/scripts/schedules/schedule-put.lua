-- @use time names receipt schedules
-- schedule-put: writes schedules of one queue, to be looked at now or later. Their plans stay as they are.
-- KEYS   receipt; pending: names the queue
-- ARGV   now; slot; sequence; puts...
-- RECORD put: name; claim: what their entry in the registry begins with; expected: the revision that it replaces, 0 = it is new;
--        paused: 1/0; next_ms: the next fire, '' = none is known; look_ms: the next look, '' = now; facts; spec
-- TOUCHES sch, next, soon, names, failing, fl, watch, sl:*, fires:*
-- RETURN per schedule, each followed by a comma: `s<revision>` stored, `e` there is one, `n` there is none, `v<revision>` it has another one; `!<key>`: this key has a
--        wrong type; `!stale`: a late duplicate
-- BOUND  64 schedules, 512 KiB
-- It has no `allow-oom`: Redis refuses it when memory is full.
local kept, stale = read_receipt()
if kept or stale then
  return kept or STALE
end
local _, tc = key_prefixes(KEYS.pending)
local wrong_key = find_wrong_schedule_key(tc)
if wrong_key then
  return '!' .. wrong_key
end
local clock = read_clock(tc)

local function write(put, revision, created_ms)
  local name, next_ms = ARGV[put].name, ARGV[put].next_ms
  local stamp, key = next_stamp(clock), tc .. 'sl:' .. name
  if revision == 1 then
    redis.call('DEL', key, tc .. 'fires:' .. name)
    redis.call(
      'HSET', key, 'no', stamp, 'claim', ARGV[put].claim, 'ledger', 'null', 'last', '', 'runs', 0, 'open', '', 'awaits', 0,
      'lines', 0
    )
    redis.call('ZADD', tc .. 'names', 0, name)
    redis.call('ZREM', tc .. 'failing', name)
  end
  redis.call('HSET', key, 'spec', ARGV[put].spec, 'stamp', stamp, 'next', next_ms, 'planned', int_text(now))
  local head = table.concat({ int_text(revision), stamp, created_ms, int_text(now), ARGV[put].paused, ARGV[put].facts }, ';')
  redis.call('HSET', tc .. 'sch', name, head)
  local look_ms = ARGV[put].look_ms == '' and int_text(now) or ARGV[put].look_ms
  set_times(tc, name, look_ms, ARGV[put].paused == '1' and '' or next_ms)
end

local outcomes = {}
for put = INDEX.puts, #ARGV, SIZE.put do
  local name, expected = ARGV[put].name, tonumber(ARGV[put].expected)
  local head = redis.call('HGET', tc .. 'sch', name)
  local revision, created_ms = string.match(head or '', '^(%d+);%d+;(%d+);')
  if expected == 0 and revision then
    -- The registry names the claim of the last one that tried: the removal must find it.
    redis.call('HSET', tc .. 'sl:' .. name, 'claim', ARGV[put].claim)
    outcomes[#outcomes + 1] = 'e,'
  elseif expected > 0 and not revision then
    outcomes[#outcomes + 1] = 'n,'
  elseif expected > 0 and tonumber(revision) ~= expected then
    outcomes[#outcomes + 1] = 'v' .. revision .. ','
  else
    write(put, expected + 1, created_ms or int_text(now))
    outcomes[#outcomes + 1] = 's' .. int_text(expected + 1) .. ','
  end
end
write_clock(tc, clock)
local reply = table.concat(outcomes)
keep_receipt(reply)
return reply
