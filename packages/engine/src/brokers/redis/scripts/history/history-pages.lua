-- @use time
-- history-pages: the pages of one hour, or of one day, that are still kept. Reads only.
-- KEYS   pages
-- ARGV   now; step: ms; kept: number of steps; from; to
-- RETURN at and data of each, in any order
-- BOUND  60 pages of one kind, 2 MiB
local first = math.max(tonumber(ARGV.from), math.floor(now / ARGV.step) - ARGV.kept)
local stored, found = redis.call('HGETALL', KEYS.pages), {}
for i = 1, #stored, 2 do
  local at = tonumber(stored[i])
  if at and at >= first and at < tonumber(ARGV.to) then
    found[#found + 1] = stored[i]
    found[#found + 1] = stored[i + 1]
  end
end
return found
