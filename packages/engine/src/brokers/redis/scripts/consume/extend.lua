#!lua flags=allow-oom
-- @use time leases
-- extend: renews leases of one queue, unless they belong to another attempt by now.
-- KEYS   lease
-- ARGV   now; length_ms; leases...
-- RECORD lease: id; token
-- RETURN a text with 1 (renewed) or 0 (lost: the score has another token, or there is none) per lease
-- BOUND  256 leases
local ids = {}
for lease = INDEX.leases, #ARGV, SIZE.lease do
  ids[#ids + 1] = ARGV[lease].id
end
local scores = redis.pcall('ZMSCORE', KEYS.lease, unpack(ids))
if scores.err then
  return string.rep(CODE.refused, #ids)
end
local codes, renewed, lease = {}, {}, INDEX.leases
for i = 1, #ids do
  local token = tonumber(ARGV[lease].token)
  codes[i] = CODE.refused
  if scores[i] and token_in(tonumber(scores[i])) == token then
    codes[i] = CODE.done
    renewed[#renewed + 1] = lease_score(tonumber(ARGV.length_ms), token)
    renewed[#renewed + 1] = ids[i]
  end
  lease = lease + SIZE.lease
end
if #renewed > 0 then
  redis.call('ZADD', KEYS.lease, 'XX', unpack(renewed))
end
return table.concat(codes)
