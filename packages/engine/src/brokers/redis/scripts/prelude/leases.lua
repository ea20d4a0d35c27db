-- Leases. A score in `lease` is the expiry in whole seconds, rounded up, plus the token as a fraction of six digits. Asynq
-- reads the seconds and ignores the fraction; the token tells one attempt from a later one (docs/design/engine.md#leases).
local function lease_score(length_ms, token)
  return string.format('%d.%06d', math.ceil((now + length_ms) / 1000), token)
end

-- The token of a new call, 1 to 999,999. The counter is never behind the time in ms. After a failover or a crash Redis may
-- have lost the newest values; they would otherwise be issued again, and an old attempt would pass for the current one.
local function next_token(tc)
  local n = math.max((valid_integer(redis.pcall('GET', tc .. 'tok')) or 0) + 1, now)
  redis.call('SET', tc .. 'tok', int_text(n))
  return n % 999999 + 1
end

-- The token in a score; 0 for a lease of Go's, which has none.
local function token_in(score)
  return math.floor((score % 1) * 1000000 + 0.5)
end

-- Appends a leased task to the reply: ID, message, meta, attempt state (false = first attempt), pending_since. One flat list
-- holds all tasks, as a list per task would cost as much as all commands on it. n: values so far; returns their new number.
-- RECORD row: message; state; meta; attempt_state; pending_since; own_state
local function add_task_row(rows, n, id, row, attempt_state)
  rows[n + 1], rows[n + 2], rows[n + 3], rows[n + 4], rows[n + 5] =
    id, row.message, row.meta, attempt_state, row.pending_since
  return n + 5
end

-- From this many IDs on, the ends of the active list are rewritten in one pass. Other IDs are removed one by one with LREM
-- if that takes at most this many comparisons; more would block other clients for too long.
local MIN_PASS_IDS, MAX_COMPARISONS = 8, 250000
-- Longest stretch of IDs at an end of the list that is rewritten.
local MAX_STRETCH = 1024

-- A stretch of the list without these IDs; nil if one of them is not in it. An ID that is there twice is removed once.
local function without(stretch, ids)
  local is_leaving, kept, found = {}, {}, 0
  for i = 1, #ids do
    is_leaving[ids[i]] = true
  end
  for i = 1, #stretch do
    local id = stretch[i]
    if is_leaving[id] then
      is_leaving[id] = nil
      found = found + 1
    else
      kept[i - found] = id
    end
  end
  return found == #ids and kept or nil
end

local function push_all(command, active, ids)
  for i = 1, #ids, 5000 do
    redis.call(command, active, unpack(ids, i, math.min(i + 4999, #ids)))
  end
end

-- Removes the IDs from the right end of the list, where the oldest are, or from the left end. Returns false, and changes
-- nothing, if they are not all at one end.
local function remove_from_ends(active, ids)
  local length = math.min(4 * #ids, MAX_STRETCH)
  local kept = without(redis.call('LRANGE', active, -length, -1), ids)
  if kept then
    redis.call('LTRIM', active, 0, -length - 1)
    push_all('RPUSH', active, kept)
    return true
  end
  kept = without(redis.call('LRANGE', active, 0, length - 1), ids)
  if kept then
    redis.call('LTRIM', active, length, -1)
    local reversed = {}
    for i = #kept, 1, -1 do
      reversed[#reversed + 1] = kept[i]
    end
    push_all('LPUSH', active, reversed)
    return true
  end
  return false
end

-- Removes IDs from the active list, by the cheapest of four methods; the others keep their order.
local function remove_active(active, ids)
  local n = #ids
  if n == 1 then
    redis.call('LREM', active, -1, ids[1])
    return
  end
  -- The usual case: they are exactly the oldest.
  if without(redis.call('LRANGE', active, -n, -1), ids) then
    redis.call('LTRIM', active, 0, -n - 1)
    return
  end
  if n >= MIN_PASS_IDS and remove_from_ends(active, ids) then
    return
  end
  if n * redis.call('LLEN', active) <= MAX_COMPARISONS then
    for i = 1, n do
      redis.call('LREM', active, -1, ids[i])
    end
    return
  end
  local is_leaving, kept = {}, {}
  for i = 1, #ids do
    is_leaving[ids[i]] = true
  end
  for _, id in ipairs(redis.call('LRANGE', active, 0, -1)) do
    if not is_leaving[id] then
      kept[#kept + 1] = id
    end
  end
  redis.call('DEL', active)
  push_all('RPUSH', active, kept)
end
