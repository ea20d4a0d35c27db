-- @use
-- document-put: stores or removes a document if it has the expected version. Each write has an ID of its own: the same call
-- sent twice gets the same answer. No version names two states: a new document has a higher one than any that was removed.
-- KEYS   documents: of the kind
-- ARGV   now; id; write: ID of this write; expected: version, '' = any; value: as JSON, '' = remove
-- RETURN new version (0 = removed), -1 = it has another version, -2 = there is nothing to remove
local key, id, write, expected, value = KEYS.documents, ARGV.id, ARGV.write, ARGV.expected, ARGV.value
local stored = redis.call('HGET', key, id)
local version, writer = 0, ''
if stored then
  version, writer = string.match(stored, '^{"version":(%d+),"write":"([%w_-]+)",')
  if not version then return redis.error_reply('ERR the document is damaged') end
  version = tonumber(version)
end
-- The field '' has the write ID of the last removal, by which a repeat of it is known, and the highest version that was removed.
local remover, removed = string.match(redis.call('HGET', key, '') or '', '^([%w_-]*):?(%d*)$')
removed = tonumber(removed or '') or 0
if value == '' then
  if not stored then
    if remover == write then return 0 end
    return -2
  end
  if expected ~= '' and tonumber(expected) ~= version then return -1 end
  redis.call('HDEL', key, id)
  redis.call('HSET', key, '', string.format('%s:%d', write, math.max(removed, version)))
  return 0
end
if writer == write then return version end
if expected ~= '' and tonumber(expected) ~= version then return -1 end
if not stored then version = removed end
version = string.format('%d', version + 1)
redis.call('HSET', key, id, '{"version":' .. version .. ',"write":"' .. write .. '","value":' .. value .. '}')
return tonumber(version)
