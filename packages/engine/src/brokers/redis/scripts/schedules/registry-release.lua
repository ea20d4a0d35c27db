#!lua flags=allow-oom
-- @use
-- registry-release: takes out the entries of schedules that were removed. One that was claimed anew stays.
-- KEYS   registry
-- ARGV   now; entries...
-- RECORD entry: name; claim
-- RETURN number of entries
-- BOUND  256 entries
local removed = 0
for entry = INDEX.entries, #ARGV, SIZE.entry do
  local claim = string.match(redis.call('HGET', KEYS.registry, ARGV[entry].name) or '', '^([^;]*);')
  if claim == ARGV[entry].claim then
    removed = removed + redis.call('HDEL', KEYS.registry, ARGV[entry].name)
  end
end
return removed
