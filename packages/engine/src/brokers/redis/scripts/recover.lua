#!lua flags=allow-oom
-- @use time names bytes history counters archive leases
-- recover: takes back tasks of one queue whose lease has expired; they are next to run.
-- KEYS   1 pending
-- ARGV   1 now; 2 limit; 3 crashes that make a task poison
-- RETURN number recovered, number archived; or `!<key>`: this key has a wrong type
-- BOUND  256 tasks, 1,024 leases looked at
local SCAN_MS, RENEW_MS = 750, 1500
-- A flapping broker must not hold recovery off for ever.
local MOST_HOLDS = 3
-- Go trusts its own clock, which may be behind (reliability F.3).
local GO_GRACE_S = 30

-- After a pause of the broker workers renew first (reliability F.4).
local function held_off(scan)
  local kept = redis.call('HMGET', scan, 'last', 'until', 'holds')
  local ends, holds = tonumber(kept[2] or 0), tonumber(kept[3] or 0)
  if kept[1] and now - kept[1] > 3 * SCAN_MS then
    holds = holds + 1
    if holds <= MOST_HOLDS then
      ends = now + RENEW_MS + 1000
    end
  elseif now >= ends then
    holds = 0
  end
  redis.call('HSET', scan, 'last', whole(now), 'until', whole(ends), 'holds', holds)
  return now < ends
end

local function expired(lease, limit)
  local found = redis.call(
    'ZRANGE', lease, '-inf', '(' .. (now_s + 1), 'BYSCORE', 'LIMIT', 0, math.min(4 * limit, 1024), 'WITHSCORES'
  )
  local ids = {}
  for i = 1, #found, 2 do
    local score = tonumber(found[i + 1])
    if #ids < limit and (token_in(score) > 0 or score + GO_GRACE_S <= now_s) then
      ids[#ids + 1] = found[i]
    end
  end
  return ids
end

-- The lost attempt's line and the new `tc:a`; second: crashes so far.
local function lost(a)
  local started, attempts, crashes, deferrals, worker =
    string.match(a or '', '^(%d*);(%d+);(%d+);(%d+);([%w_.:-]*)$')
  crashes = (crashes or 0) + 1
  if not started or started == '' then
    started = whole(now)
  end
  attempts = math.max(tonumber(attempts or 0), crashes)
  local by = worker and worker ~= '' and ',"w":"' .. worker .. '"' or ''
  local line = string.format('{"n":%d,"s":%s,"f":%.0f,"o":"lost"%s}', attempts, started, now, by)
  return line, crashes, table.concat({ started, attempts, crashes, deferrals or 0, worker or '' }, ';')
end

local pending = KEYS[1]
local asynq, tc = names_of(pending)
local active, lease = asynq .. 'active', asynq .. 'lease'
local scan = tc .. 'scan'
local bad = misfit(active, 'list', lease, 'zset', pending, 'list', asynq .. 'archived', 'zset', scan, 'hash')
if bad then
  return '!' .. bad
end
if held_off(scan) then
  return { 0, 0 }
end
local ids = expired(lease, tonumber(ARGV[2]))
if #ids == 0 then
  return { 0, 0 }
end

leave_active(active, ids)
redis.call('ZREM', lease, unpack(ids))
local back, poison = {}, {}
for _, id in ipairs(ids) do
  local key = asynq .. 't:' .. id
  local row = redis.pcall('HMGET', key, 'state', 'tc:a', 'tc:x')
  -- Without a task, or with one that is no longer active, only the lease goes.
  if row[1] == 'active' and redis.call('HEXISTS', key, 'msg') == 1 then
    local line, crashes, a = lost(row[2])
    local lines = add_line(row[3], line)
    if crashes >= tonumber(ARGV[3]) then
      local text = string.format('poison: lost its worker %d times', crashes)
      local message = redis.call('HGET', key, 'msg') .. error_field(text) .. FAILED_NOW
      redis.call('HSET', key, 'msg', message, 'state', 'archived', 'tc:a', a, 'tc:x', lines)
      poison[#poison + 1] = id
    else
      redis.call('HSET', key, 'state', 'pending', 'pending_since', now_ns, 'tc:a', a, 'tc:x', lines)
      table.insert(back, 1, id)
    end
  end
end
if #back > 0 then
  redis.call('RPUSH', pending, unpack(back))
end
if #poison > 0 then
  archive(asynq, poison)
  count(asynq, #poison, #poison)
end
return { #back, #poison }
