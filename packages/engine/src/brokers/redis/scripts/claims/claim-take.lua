#!lua flags=allow-oom
-- @use time claims
-- claim-take: takes a claim, unless another holder has it. The holder that has it keeps its token and gets more time.
-- KEYS   claim
-- ARGV   now; holder; ttl: ms
-- RETURN token and end in ms; nil = another holder has it
local holder, token, end_ms, left = read_claim(KEYS.claim)
if left > 0 and holder ~= ARGV.holder then
  if end_ms > now + left then
    -- The clock was set back: without this the claim would never come to its end.
    write_claim(KEYS.claim, holder, token, left)
  end
  return false
end
if left == 0 then
  -- It follows the clock, and so also grows when Redis has lost the last one.
  token = math.max(token + 1, now)
end
return { token, write_claim(KEYS.claim, ARGV.holder, token, math.max(left, tonumber(ARGV.ttl))) }
