-- Finds leases of a queue that have expired and may be taken back. Recoverers scan every 750 ms; workers renew within 1.5 s.
local SCAN_MS, RENEW_MS = 750, 1500
-- After this many hold-offs in a row recovery goes on: a flapping broker must not stop it for ever.
local MAX_HOLD_OFFS = 3
-- A Go worker judges its lease by its own clock, which may be behind Redis': its leases are taken back 30 s later.
local GO_GRACE_S = 30

-- Whether recovery must wait. When no scan has run for a while, the broker was away and workers could not renew: they get
-- the time to do it first (docs/design/guarantees.md#hold-off-after-a-stall). A survey that found nothing leased at `idle_ms`
-- counts as a scan.
local function is_held_off(scan, idle_ms)
  local last, until_text, holds = unpack(redis.call('HMGET', scan, 'last', 'until', 'holds'))
  local last_ms, until_ms, hold_offs = valid_integer(last), valid_integer(until_text) or 0, valid_integer(holds) or 0
  -- If the clock was put back, the stored end may lie far ahead: cap it.
  until_ms = math.min(until_ms, now + RENEW_MS + 1000)
  if last_ms and now - math.max(last_ms, idle_ms) > 3 * SCAN_MS then
    hold_offs = hold_offs + 1
    if hold_offs <= MAX_HOLD_OFFS then
      until_ms = now + RENEW_MS + 1000
    end
  elseif now >= until_ms then
    hold_offs = 0
  end
  redis.call('HSET', scan, 'last', int_text(now), 'until', int_text(until_ms), 'holds', hold_offs)
  return now < until_ms
end

-- Up to `limit` IDs with expired leases: ours, and Go's. Leases of Go's in their 30 s of grace are passed over; where they
-- fill a whole scan, the next call goes on behind them (`scan` keeps the offset).
local function expired_leases(lease, scan, limit)
  local max_scanned, offset = math.min(4 * limit, 1024), valid_integer(redis.call('HGET', scan, 'first')) or 0
  local found = redis.call(
    'ZRANGE', lease, '-inf', '(' .. (now_s + 1), 'BYSCORE', 'LIMIT', int_text(offset), max_scanned, 'WITHSCORES'
  )
  local ours, go = {}, {}
  for i = 1, #found, 2 do
    local score = tonumber(found[i + 1])
    if #ours + #go < limit then
      if token_in(score) > 0 then
        ours[#ours + 1] = found[i]
      elseif score + GO_GRACE_S <= now_s then
        go[#go + 1] = found[i]
      end
    end
  end
  local scanned, taken = #found / 2, #ours + #go
  local next_offset = scanned == max_scanned and taken < limit and offset + scanned - taken or 0
  if next_offset ~= offset then
    redis.call('HSET', scan, 'first', int_text(next_offset))
  end
  return ours, go
end
