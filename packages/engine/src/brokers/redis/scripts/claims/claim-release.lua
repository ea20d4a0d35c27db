#!lua flags=allow-oom
-- @use time claims
-- claim-release: ends a claim, if this holder has it under this token. The token stays stored.
-- KEYS   claim
-- ARGV   now; holder; token
-- RETURN 1 = ended, 0 = the holder has it no more
if left_to(KEYS.claim, ARGV.holder, ARGV.token) == 0 then
  return 0
end
write_claim(KEYS.claim, '', tonumber(ARGV.token), 0)
return 1
