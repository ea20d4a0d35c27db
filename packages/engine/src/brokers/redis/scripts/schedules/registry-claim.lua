-- @use time
-- registry-claim: enters new schedules before they are written. An entry `<claim>;<ms>;<queue>` of another queue stays.
-- KEYS   registry
-- ARGV   now; claim: a unique name of this call; settled_ms: an entry is that old when what it announces is written, or never will be;
--        entries...
-- RECORD entry: name; queue; may_replace: whether the schedule was looked for in the other queue and is not there, 1/0
-- RETURN per entry: the queue of another entry that stays, and whether it is settled; or nil: it is entered
-- BOUND  256 entries
local reply = {}
for entry = INDEX.entries, #ARGV, SIZE.entry do
  local name, queue = ARGV[entry].name, ARGV[entry].queue
  local claimed_ms, other = string.match(redis.call('HGET', KEYS.registry, name) or '', '^[^;]*;(%d+);(.*)$')
  local is_settled = claimed_ms and math.abs(now - claimed_ms) > tonumber(ARGV.settled_ms)
  if other and other ~= queue and not (is_settled and ARGV[entry].may_replace == '1') then
    reply[#reply + 1] = { other, is_settled and 1 or 0 }
  else
    redis.call('HSET', KEYS.registry, name, ARGV.claim .. ';' .. int_text(now) .. ';' .. queue)
    reply[#reply + 1] = false
  end
end
return reply
