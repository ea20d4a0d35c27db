-- @use
-- document-put: stores or removes a document if it has the expected version. Each write has an ID of its own: the same call
-- sent twice gets the same answer.
-- KEYS   documents: of the kind
-- ARGV   now; id; write: ID of this write; expected: version, '' = any; value: as JSON, '' = remove
-- RETURN new version (0 = removed), -1 = it has another version, -2 = there is nothing to remove
local key, id, write, expected, value = KEYS.documents, ARGV.id, ARGV.write, ARGV.expected, ARGV.value
-- The field '' has the write ID of the last removal: a repeat of it finds it there.
local stored = redis.call('HGET', key, id)
local version, writer = 0, ''
if stored then
  version, writer = string.match(stored, '^{"version":(%d+),"write":"([%w_-]+)",')
  if not version then return redis.error_reply('ERR the document is damaged') end
  version = tonumber(version)
end
if value == '' then
  if not stored then
    if redis.call('HGET', key, '') == write then return 0 end
    return -2
  end
  redis.call('HDEL', key, id)
  redis.call('HSET', key, '', write)
  return 0
end
if writer == write then return version end
if expected ~= '' and tonumber(expected) ~= version then return -1 end
version = string.format('%d', version + 1)
redis.call('HSET', key, id, '{"version":' .. version .. ',"write":"' .. write .. '","value":' .. value .. '}')
return tonumber(version)
