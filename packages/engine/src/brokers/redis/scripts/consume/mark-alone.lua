#!lua flags=allow-oom
-- @use time names leases
-- mark-alone: records that a task runs alone in its worker, or no longer. See `recover`.
-- KEYS   lease; task: its hash
-- ARGV   now; id; token; is_alone: 1, or 0: it has survived, and its crashes so far are forgotten
-- RETURN 1, or 0: the lease is lost, or the task no longer exists
-- BOUND  1 task
local score = redis.pcall('ZSCORE', KEYS.lease, ARGV.id)
local is_held = type(score) == 'string' and token_in(tonumber(score)) == tonumber(ARGV.token)
if not is_held or redis.pcall('HEXISTS', KEYS.task, FIELD.message) ~= 1 then
  return 0
end
if ARGV.is_alone == '0' then
  redis.call('HDEL', KEYS.task, FIELD.isolation)
  return 1
end
local crashes = string.match(redis.call('HGET', KEYS.task, FIELD.isolation) or '', '^(%d+);') or 0
redis.call('HSET', KEYS.task, FIELD.isolation, crashes .. ';' .. ARGV.token)
return 1
