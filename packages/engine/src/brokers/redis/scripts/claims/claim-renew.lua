#!lua flags=allow-oom
-- @use time claims
-- claim-renew: gives a claim more time, if this holder has it under this token.
-- KEYS   claim
-- ARGV   now; holder; token; ttl: ms
-- RETURN 1 = renewed, 0 = the holder has it no more
local left = left_to(KEYS.claim, ARGV.holder, ARGV.token)
if left == 0 then
  return 0
end
write_claim(KEYS.claim, ARGV.holder, tonumber(ARGV.token), math.max(left, tonumber(ARGV.ttl)))
return 1
