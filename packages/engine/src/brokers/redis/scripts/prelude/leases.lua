-- A lease's score: expiry in whole seconds, rounded up, and the token as a fraction of six digits (design D6).
local function lease_score(length_ms, token)
  return string.format('%d.%06d', math.ceil((now + length_ms) / 1000), token)
end

-- The token of a new call: one more than the last, and no less than the time, so that what Redis forgets with the end
-- of its file or a failover does not come again: an attempt of before would pass for that of now.
local function next_token(tc)
  local n = math.max((sane(redis.pcall('GET', tc .. 'tok')) or 0) + 1, now)
  redis.call('SET', tc .. 'tok', whole(n))
  return n % 999999 + 1
end

-- The token in a score; 0 = Go's.
local function token_in(score)
  return math.floor((score % 1) * 1000000 + 0.5)
end

-- A leased task as it goes to its worker: ID, msg, tc, tc:a or false, pending_since; in one list for all tasks, as a
-- list for each would cost as much as all commands on it. row: msg, -, tc, -, pending_since.
local function add_row(rows, n, id, row, a)
  rows[n + 1], rows[n + 2], rows[n + 3], rows[n + 4], rows[n + 5] = id, row[1], row[3], a, row[5]
  return n + 5
end

-- So few IDs are taken out of the active list one by one, as long as all of that compares no more than so often
-- (design D2).
local FEW_IDS, COMPARED_MOST = 8, 250000
-- Most IDs at an end of the list among which those that leave are looked for.
local STRETCH_MOST = 1024

-- A stretch of the list without these IDs; nil where one of them is not in it.
local function without(stretch, ids)
  local gone, kept, found = {}, {}, 0
  for i = 1, #ids do
    gone[ids[i]] = true
  end
  for i = 1, #stretch do
    local id = stretch[i]
    if gone[id] then
      gone[id] = nil
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

-- Takes them out at the right end of the list, where the oldest are, or at the left; false where they are elsewhere.
local function leave_ends(active, ids)
  local length = math.min(4 * #ids, STRETCH_MOST)
  local kept = without(redis.call('LRANGE', active, -length, -1), ids)
  if kept then
    redis.call('LTRIM', active, 0, -length - 1)
    push_all('RPUSH', active, kept)
    return true
  end
  kept = without(redis.call('LRANGE', active, 0, length - 1), ids)
  if kept then
    redis.call('LTRIM', active, length, -1)
    local back = {}
    for i = #kept, 1, -1 do
      back[#back + 1] = kept[i]
    end
    push_all('LPUSH', active, back)
    return true
  end
  return false
end

local function leave_active(active, ids)
  local n = #ids
  if n == 1 then
    redis.call('LREM', active, -1, ids[1])
    return
  end
  -- Most often they are just the oldest.
  if without(redis.call('LRANGE', active, -n, -1), ids) then
    redis.call('LTRIM', active, 0, -n - 1)
    return
  end
  if n >= FEW_IDS and leave_ends(active, ids) then
    return
  end
  if n * redis.call('LLEN', active) <= COMPARED_MOST then
    for i = 1, n do
      redis.call('LREM', active, -1, ids[i])
    end
    return
  end
  local gone, kept = {}, {}
  for i = 1, #ids do
    gone[ids[i]] = true
  end
  for _, id in ipairs(redis.call('LRANGE', active, 0, -1)) do
    if not gone[id] then
      kept[#kept + 1] = id
    end
  end
  redis.call('DEL', active)
  push_all('RPUSH', active, kept)
end
