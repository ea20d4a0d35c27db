#!lua flags=allow-oom
-- @use time
-- update-payload: replaces the message of a scheduled task by compare-and-set: only if it is still the message that was read.
-- KEYS   1 the task's hash
-- ARGV   1 now; 2 SHA-1 of the message that was read; 3 new message; 4 new meta ('' = none)
-- RETURN `done:scheduled`, `state:<state>` (it is not scheduled), `none` (no such task), or `changed`: read it again;
--        `!<key>`: this key has a wrong type
-- BOUND  1 task
local key = KEYS[1]
local row = redis.pcall('HMGET', key, 'state', 'msg')
if row.err then
  return '!' .. key
end
if not row[1] or not row[2] then
  return 'none'
end
if row[1] ~= 'scheduled' then
  return 'state:' .. row[1]
end
if redis.sha1hex(row[2]) ~= ARGV[2] then
  return 'changed'
end
redis.call('HSET', key, 'msg', ARGV[3])
if ARGV[4] == '' then
  redis.call('HDEL', key, 'tc')
else
  redis.call('HSET', key, 'tc', ARGV[4])
end
return 'done:scheduled'
