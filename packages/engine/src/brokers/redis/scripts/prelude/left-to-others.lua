-- Tasks that a fetch leaves to other workers, because this one has no handler for them.
-- The parts of a text, each written as `<length>:<bytes>`.
local function length_prefixed(text)
  local parts, first = {}, 1
  while first <= #text do
    local colon = string.find(text, ':', first, true)
    local last = colon + string.sub(text, first, colon - 1)
    parts[#parts + 1] = string.sub(text, colon + 1, last)
    first = last + 1
  end
  return parts
end

-- Whether the task is left to other workers for now: of such a type, and not pending for long. A time in the future is that of
-- a Go process whose clock is ahead.
local function is_left(budget, row)
  local since = (tonumber(row.pending_since) or 0) / 1000000
  if since <= now - budget.leave_ms or since > now then
    return false
  end
  for _, beginning in ipairs(budget.leave) do
    if string.sub(row.message, 1, #beginning) == beginning then
      return true
    end
  end
  return false
end

-- Takes the last `count` IDs off the pending list, but for those that are left to others: they stay the next to run. left: in
-- the order in which they were met, which is from the end of the list.
local function remove_pending(pending, count, left)
  if count == #left then
    return
  end
  redis.call('LTRIM', pending, 0, -count - 1)
  if #left > 0 then
    local kept = {}
    for i = #left, 1, -1 do
      kept[#kept + 1] = left[i]
    end
    redis.call('RPUSH', pending, unpack(kept))
  end
end
