#!lua
-- @use time names leases
-- keep-results: stores intermediate results of attempts that are still running, of one queue.
-- KEYS   pending: names the queue
-- ARGV   now; results...
-- RECORD result: id; token; bytes
-- TOUCHES lease, t:*
-- RETURN a text with 1 (written) or 0 (the lease is lost, or the task no longer exists) per result
-- BOUND  256 results, 512 KiB (one always fits)
local asynq = key_prefixes(KEYS.pending)
local codes = {}
for result = INDEX.results, #ARGV, SIZE.result do
  local id = ARGV[result].id
  local key = asynq .. 't:' .. id
  local score = redis.pcall('ZSCORE', asynq .. 'lease', id)
  local is_held = type(score) == 'string' and token_in(tonumber(score)) == tonumber(ARGV[result].token)
  local is_stored = is_held and redis.pcall('HEXISTS', key, FIELD.message) == 1
  if is_stored then
    redis.call('HSET', key, FIELD.result, ARGV[result].bytes)
  end
  codes[#codes + 1] = is_stored and CODE.done or CODE.refused
end
return table.concat(codes)
