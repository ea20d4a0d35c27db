-- @use time
-- history-put: writes pages, baselines and where the history stands, if that is still as the caller has read it. A write has an ID:
-- the same call sent twice gets the same answer.
-- KEYS   state; baselines; reports: of the minute of the call
-- ARGV   now; write; version: expected; minute; hour: '' = it stays; kept: minutes for which reports are kept; page_count; baseline_count;
--        values...: per page its key, its field and its data, and when the key expires in ms, per baseline
--        the queue and the data, then the queues whose baselines are dropped
-- RETURN 1; 0 = the version is another one
-- BOUND  pages of at most 2 MiB
local FIELDS_PER_CALL = 1000
local stored = redis.call('HMGET', KEYS.state, 'version', 'write', 'minute')
if stored[2] == ARGV.write then
  return 1
end
if (tonumber(stored[1] or '') or 0) ~= tonumber(ARGV.version) then
  return 0
end
local at = INDEX.values
for _ = 1, ARGV.page_count do
  local key = ARGV[at]
  redis.call('HSET', key, ARGV[at + 1], ARGV[at + 2])
  redis.call('EXPIRE', key, math.max(1, math.ceil((ARGV[at + 3] - now) / 1000)))
  at = at + 4
end
local behind = at + 2 * ARGV.baseline_count
for from = at, behind - 1, FIELDS_PER_CALL do
  redis.call('HSET', KEYS.baselines, unpack(ARGV, from, math.min(from + FIELDS_PER_CALL, behind) - 1))
end
for from = behind, #ARGV, FIELDS_PER_CALL do
  redis.call('HDEL', KEYS.baselines, unpack(ARGV, from, math.min(from + FIELDS_PER_CALL - 1, #ARGV)))
end
-- Earlier reports have expired.
local minute, prefix = tonumber(ARGV.minute), string.gsub(KEYS.reports, '%d+$', '')
local first = math.max(minute - ARGV.kept, tonumber(stored[3] or '') or 0)
local taken = { KEYS.reports }
for one = math.min(first, minute), minute - 1 do
  taken[#taken + 1] = prefix .. int_text(one)
end
redis.call('DEL', unpack(taken))
redis.call('HSET', KEYS.state, 'version', int_text(ARGV.version + 1), 'write', ARGV.write, 'minute', ARGV.minute)
if ARGV.hour ~= '' then
  redis.call('HSET', KEYS.state, 'hour', ARGV.hour)
end
return 1
