-- Takes tasks of one queue. Most bytes of messages in a call; one always fits (design D2).
local MAX_BATCH_BYTES = 524288

-- The new `tc:a` of a task that is taken: started ms;attempts;crashes;deferrals;worker.
local function next_attempt(a, worker)
  local attempts, crashes, deferrals = string.match(a, '^%d*;(%d+);(%d+);(%d+);')
  return table.concat({ whole(now), (attempts or 0) + 1, crashes or 0, deferrals or 0, worker }, ';')
end

-- Makes the task active; row: msg, state, tc, tc:a, pending_since, tc:s. Returns the new `tc:a`; false = its first attempt.
local function start(key, row, fresh, worker)
  local a = row[4] and next_attempt(row[4], worker)
  redis.call('HSET', key, 'state', 'active', 'tc:a', a or fresh)
  if row[6] then
    -- A cancelled task that somebody ran again is cancelled no more.
    redis.call('HDEL', key, 'pending_since', 'tc:s', 'tc:c')
  elseif row[5] then
    redis.call('HDEL', key, 'pending_since')
  end
  return a
end

-- Own states that wait for something else than a time stand in Asynq's `scheduled`, behind all times (design D1). Who
-- runs all of that set at once, as Go's tools do, does not start them.
local WAITING, NEVER_S = { blocked = true, awaiting = true, held = true }, '253370764800'

local function wait_on(asynq, key, id)
  redis.call('HSET', key, 'state', 'scheduled')
  redis.call('HDEL', key, 'pending_since')
  redis.call('ZADD', asynq .. 'scheduled', NEVER_S, id)
end

-- how: room, bytes taken so far, length of the leases in ms, worker. Returns nil when there is nothing to tell, else
-- token, IDs, rows (ID, msg, tc, tc:a or false = first attempt, pending_since), IDs that nobody can read, key of a
-- wrong type or ''.
local function fetch(pending, how)
  local ids = redis.pcall('LRANGE', pending, -how.room, -1)
  if ids.err then
    return 0, {}, {}, {}, pending
  end
  local asynq, tc = names_of(pending)
  if #ids == 0 or redis.call('EXISTS', asynq .. 'paused') == 1 then
    return nil
  end
  local bad = misfit(asynq .. 'active', 'list', asynq .. 'lease', 'zset', tc .. 'tok', 'string')
  if bad then
    return 0, {}, {}, {}, bad
  end
  local prefix, worker, bytes = asynq .. 't:', how.worker, how.bytes
  local fresh = whole(now) .. ';1;0;0;' .. worker
  local taken, rows, dropped, popped, n, at = {}, {}, {}, 0, 0, 0
  for i = #ids, 1, -1 do
    local id = ids[i]
    local key = prefix .. id
    local row = redis.pcall('HMGET', key, 'msg', 'state', 'tc', 'tc:a', 'pending_since', 'tc:s')
    local message = row[1]
    if not message then
      -- No task stands behind the ID (protocol D8).
      dropped[#dropped + 1] = id
      if row[2] then
        redis.call('DEL', key)
      end
    elseif row[6] and WAITING[row[6]] and not misfit(asynq .. 'scheduled', 'zset') then
      wait_on(asynq, key, id)
    elseif row[2] ~= 'active' then
      if bytes > 0 and bytes + #message > MAX_BATCH_BYTES then
        how.room = 0
        break
      end
      bytes = bytes + #message
      n = n + 1
      taken[n] = id
      at = add_row(rows, at, id, row, start(key, row, fresh, worker) or false)
    end
    popped = popped + 1
  end
  redis.call('LTRIM', pending, 0, -popped - 1)
  how.room, how.bytes = math.max(0, how.room - n), bytes
  note(tc, 'dropped', #dropped)
  local token = n > 0 and hold(asynq, tc, taken, how.length_ms) or 0
  return token, taken, rows, dropped, ''
end

-- The same for a repeated call: the tasks of the first one that still hold its token, with their leases renewed.
local function fetch_again(pending, token, ids, length_ms)
  local asynq = names_of(pending)
  local score, rows, at = lease_score(length_ms, token), {}, 0
  local scores = redis.call('ZMSCORE', asynq .. 'lease', unpack(ids))
  for i = 1, #ids do
    local row = scores[i] and token_in(tonumber(scores[i])) == token
      and redis.call('HMGET', asynq .. 't:' .. ids[i], 'msg', 'state', 'tc', 'tc:a', 'pending_since')
    if row and row[1] then
      redis.call('ZADD', asynq .. 'lease', 'XX', score, ids[i])
      at = add_row(rows, at, ids[i], row, row[4])
    end
  end
  return rows
end
