#!lua flags=allow-oom
-- @use
-- cursor-key: stores the key of cursors, unless there is one already. Returns the one that is stored.
-- KEYS   meta: tc:meta
-- ARGV   now; key: 43 characters of base64url
-- RETURN the key
local stored = redis.call('HGET', KEYS.meta, 'cursor_key')
if not stored or #stored ~= 43 or string.find(stored, '[^%w_-]') then
  redis.call('HSET', KEYS.meta, 'cursor_key', ARGV.key)
  return ARGV.key
end
return stored
