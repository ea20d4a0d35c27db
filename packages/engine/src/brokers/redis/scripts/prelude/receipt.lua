-- A call's outcome under its client's slot, so that its repeat gets the same answer (design D2).
local STALE = '!stale'
local RECEIPT_S = 600

-- What the call answered when it ran before, or nil; second: whether the slot has gone to a later call;
-- third: whether nothing is known of the slot.
local function receipt_of(key, slot, sequence)
  local kept = redis.pcall('HGET', key, slot)
  if not kept then
    return nil, false, true
  end
  if kept.err then
    -- Foreign: nobody else's outcomes can be in it.
    redis.call('DEL', key)
    return nil, false, true
  end
  local cut = string.find(kept, ':', 1, true)
  local last = cut and tonumber(string.sub(kept, 1, cut - 1))
  if not last then
    return nil, false, true
  end
  if last == tonumber(sequence) then
    -- A repeat writes, too: WAIT and WAITAOF behind it speak of the last write of their own connection (Redis 7.2).
    redis.call('EXPIRE', key, RECEIPT_S)
    return string.sub(kept, cut + 1), false
  end
  return nil, last > tonumber(sequence)
end

local function keep_receipt(key, slot, sequence, text)
  redis.call('HSET', key, slot, sequence .. ':' .. text)
  -- Slot 0 is the one used most, so this is often enough (data model, rc).
  if slot == '0' then
    redis.call('EXPIRE', key, RECEIPT_S)
  end
end
