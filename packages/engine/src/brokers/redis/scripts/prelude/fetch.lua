-- Takes tasks of one queue. Most bytes of messages in a call; one always fits (design D2).
local MOST_BYTES = 524288

-- The new `tc:a` of a task that is taken: started ms;attempts;crashes;deferrals;worker.
local function next_attempt(a, worker)
  local attempts, crashes, deferrals = string.match(a, '^%d*;(%d+);(%d+);(%d+);')
  return table.concat({ whole(now), (attempts or 0) + 1, crashes or 0, deferrals or 0, worker }, ';')
end

-- Makes the task active; row: msg, state, tc, tc:a, pending_since, tc:s. What is of use to the worker stays in it.
local function start(key, row, fresh, worker)
  local a = row[4] and next_attempt(row[4], worker)
  redis.call('HSET', key, 'state', 'active', 'tc:a', a or fresh)
  if row[6] then
    -- A cancelled task that somebody ran again is cancelled no more.
    redis.call('HDEL', key, 'pending_since', 'tc:s', 'tc:c')
  elseif row[5] then
    redis.call('HDEL', key, 'pending_since')
  end
  row[2], row[4], row[6] = false, a, nil
end

-- Own states that wait for something else than a time stand in Asynq's `scheduled`, behind all times (design D1). Who
-- runs all of that set at once, as Go's tools do, does not start them.
local WAITING, NEVER_S = { blocked = true, awaiting = true, held = true }, '253370764800'

local function wait_on(asynq, key, id)
  redis.call('HSET', key, 'state', 'scheduled')
  redis.call('HDEL', key, 'pending_since')
  redis.call('ZADD', asynq .. 'scheduled', NEVER_S, id)
end

-- Redis keeps a small zset as a list: each ZADD then parses every score in it, and fractions are slow to parse. A
-- member this long turns it into a tree, which it stays until it is empty; it is gone before the script ends.
local LONG = string.rep('x', 65)
local FEW = 8

local function hold(asynq, tc, ids, length_ms)
  local token = next_token(tc)
  local score, leases, n = lease_score(length_ms, token), {}, #ids
  for i = 1, n do
    leases[2 * i - 1], leases[2 * i] = score, ids[i]
  end
  if n > FEW then
    leases[2 * n + 1], leases[2 * n + 2] = leases[1], leases[2]
    leases[1], leases[2] = score, LONG
  end
  redis.call('LPUSH', asynq .. 'active', unpack(ids))
  redis.call('ZADD', asynq .. 'lease', unpack(leases))
  if n > FEW then
    redis.call('ZREM', asynq .. 'lease', LONG)
  end
  return token
end

-- how: room, bytes taken so far, length of the leases in ms, worker. Returns nil when there is nothing to tell, else
-- { token, IDs, rows, IDs that nobody can read, key of a wrong type or '' }.
local function fetch(pending, how)
  local ids = redis.pcall('LRANGE', pending, -how.room, -1)
  if ids.err then
    return { 0, {}, {}, {}, pending }
  end
  local asynq, tc = names_of(pending)
  if #ids == 0 or redis.call('EXISTS', asynq .. 'paused') == 1 then
    return nil
  end
  local bad = misfit(asynq .. 'active', 'list', asynq .. 'lease', 'zset', tc .. 'tok', 'string')
  if bad then
    return { 0, {}, {}, {}, bad }
  end
  local fresh = whole(now) .. ';1;0;0;' .. how.worker
  local taken, rows, dropped, popped = {}, {}, {}, 0
  for i = #ids, 1, -1 do
    local key = asynq .. 't:' .. ids[i]
    local row = redis.pcall('HMGET', key, 'msg', 'state', 'tc', 'tc:a', 'pending_since', 'tc:s')
    if not row[1] then
      -- No task stands behind the ID (protocol D8).
      dropped[#dropped + 1] = ids[i]
      if row[2] then
        redis.call('DEL', key)
      end
    elseif row[6] and WAITING[row[6]] and not misfit(asynq .. 'scheduled', 'zset') then
      wait_on(asynq, key, ids[i])
    elseif row[2] ~= 'active' then
      if how.bytes > 0 and how.bytes + #row[1] > MOST_BYTES then
        how.room = 0
        break
      end
      how.bytes = how.bytes + #row[1]
      start(key, row, fresh, how.worker)
      taken[#taken + 1], rows[#rows + 1] = ids[i], row
    end
    popped = popped + 1
  end
  redis.call('LTRIM', pending, 0, -popped - 1)
  how.room = math.max(0, how.room - #taken)
  note(tc, 'dropped', #dropped)
  local token = #taken > 0 and hold(asynq, tc, taken, how.length_ms) or 0
  return { token, taken, rows, dropped, '' }
end

-- The same for a repeated call: the tasks of the first one that still hold its token, with their leases renewed.
local function fetch_again(pending, token, ids, length_ms)
  local asynq = names_of(pending)
  local score, still, rows = lease_score(length_ms, token), {}, {}
  local scores = redis.call('ZMSCORE', asynq .. 'lease', unpack(ids))
  for i = 1, #ids do
    local row = scores[i] and token_in(tonumber(scores[i])) == token
      and redis.call('HMGET', asynq .. 't:' .. ids[i], 'msg', 'state', 'tc', 'tc:a', 'pending_since')
    if row and row[1] then
      redis.call('ZADD', asynq .. 'lease', 'XX', score, ids[i])
      row[2] = false
      still[#still + 1], rows[#rows + 1] = ids[i], row
    end
  end
  return still, rows
end
