#!lua flags=allow-oom
-- @use time
-- update-payload: replaces the message of a scheduled task by compare-and-set: only if it is still the message that was read.
-- KEYS   task: its hash
-- ARGV   now; known_sha1: SHA-1 of the message that was read; message: the new one; meta: the new one, '' = none
-- RETURN `done:scheduled`, `state:<state>` (it is not scheduled), `none` (no such task), or `changed`: read it again;
--        `!<key>`: this key has a wrong type
-- BOUND  1 task
local key = KEYS.task
-- RECORD row: state; message
local row = redis.pcall('HMGET', key, FIELDS.row)
if row.err then
  return '!' .. key
end
if not row.state or not row.message then
  return 'none'
end
if row.state ~= 'scheduled' then
  return 'state:' .. row.state
end
if redis.sha1hex(row.message) ~= ARGV.known_sha1 then
  return 'changed'
end
redis.call('HSET', key, FIELD.message, ARGV.message)
if ARGV.meta == '' then
  redis.call('HDEL', key, FIELD.meta)
else
  redis.call('HSET', key, FIELD.meta, ARGV.meta)
end
return 'done:scheduled'
