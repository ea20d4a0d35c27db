#!lua
-- @use time names leases
-- keep-results: stores intermediate results of attempts that are still running, of one queue.
-- KEYS   1 pending
-- ARGV   1 now; then per result: ID, token, bytes
-- RETURN a text with 1 (written) or 0 (the lease is lost, or the task no longer exists) per result
-- BOUND  256 results, 512 KiB (one always fits)
local asynq = names_of(KEYS[1])
local codes = {}
for i = 2, #ARGV, 3 do
  local id = ARGV[i]
  local key = asynq .. 't:' .. id
  local score = redis.pcall('ZSCORE', asynq .. 'lease', id)
  local is_held = type(score) == 'string' and token_in(tonumber(score)) == tonumber(ARGV[i + 1])
  local is_stored = is_held and redis.pcall('HEXISTS', key, 'msg') == 1
  if is_stored then
    redis.call('HSET', key, 'result', ARGV[i + 2])
  end
  codes[#codes + 1] = is_stored and '1' or '0'
end
return table.concat(codes)
