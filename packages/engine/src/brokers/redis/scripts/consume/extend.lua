#!lua flags=allow-oom
-- @use time names leases
-- extend: renews leases of one queue, unless they belong to another attempt by now.
-- KEYS   1 pending
-- ARGV   1 now; 2 length in ms; then per lease: ID, token
-- RETURN a text with 1 (renewed) or 0 (lost: the score has another token, or there is none) per lease
-- BOUND  256 leases
local lease = names_of(KEYS[1]) .. 'lease'
local ids = {}
for i = 3, #ARGV, 2 do
  ids[#ids + 1] = ARGV[i]
end
local scores = redis.pcall('ZMSCORE', lease, unpack(ids))
if scores.err then
  return string.rep('0', #ids)
end
local codes, renewed = {}, {}
for i = 1, #ids do
  local token = tonumber(ARGV[2 * i + 2])
  codes[i] = '0'
  if scores[i] and token_in(tonumber(scores[i])) == token then
    codes[i] = '1'
    renewed[#renewed + 1] = lease_score(tonumber(ARGV[2]), token)
    renewed[#renewed + 1] = ids[i]
  end
end
if #renewed > 0 then
  redis.call('ZADD', lease, 'XX', unpack(renewed))
end
return table.concat(codes)
