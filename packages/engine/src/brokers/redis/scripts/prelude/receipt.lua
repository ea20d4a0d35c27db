-- Receipts. A client that got no answer repeats its call. The call's outcome is stored under the client's slot: the repeat
-- gets the same answer, and does nothing twice (docs/design/engine.md#receipts).
local STALE = '!stale'
local RECEIPT_S = 600

-- KEYS and ARGV of all scripts that use this prelude have `receipt`, `slot` and `sequence`.
-- Returns the outcome of this very call if it ran before, or nil. Second: whether the slot has been used by a later call,
-- which makes this one a late duplicate. Third: whether nothing is known of the slot, as after FLUSHDB.
local function read_receipt()
  local key = KEYS.receipt
  local kept = redis.pcall('HGET', key, ARGV.slot)
  if not kept then
    return nil, false, true
  end
  if kept.err then
    -- Of a foreign type, so it holds no outcome of ours.
    redis.call('DEL', key)
    return nil, false, true
  end
  local colon = string.find(kept, ':', 1, true)
  local last = colon and tonumber(string.sub(kept, 1, colon - 1))
  if not last then
    return nil, false, true
  end
  if last == tonumber(ARGV.sequence) then
    -- A repeat must write, too: WAIT and WAITAOF after it confirm the last write of their own connection (Redis 7.2).
    redis.call('EXPIRE', key, RECEIPT_S)
    return string.sub(kept, colon + 1), false
  end
  return nil, last > tonumber(ARGV.sequence)
end

local function keep_receipt(text)
  redis.call('HSET', KEYS.receipt, ARGV.slot, ARGV.sequence .. ':' .. text)
  -- Clients use slot 0 most, so renewing the expiry with it is often enough.
  if ARGV.slot == '0' then
    redis.call('EXPIRE', KEYS.receipt, RECEIPT_S)
  end
end
