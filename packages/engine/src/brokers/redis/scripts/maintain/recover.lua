#!lua flags=allow-oom
-- @use time names bytes history counters archive leases expired
-- recover: takes back tasks of one queue whose lease has expired; ours are next to run, Go's are leased to the caller,
-- who ends them as Asynq does (protocol 4.10).
-- KEYS   1 pending
-- ARGV   1 now; 2 limit; 3 crashes that make a task poison; 4 length of the caller's leases in ms
-- RETURN number recovered, number archived, IDs dropped, then of Go's: token, rows as of `exchange`; or `!<key>`: this key
--        has a wrong type
-- BOUND  256 tasks, 1,024 leases looked at, 512 KiB of Go's messages
local MAX_BATCH_BYTES = 524288

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
local ids, go

-- Leases Go's tasks to the caller. IDs without an active task join ours: only their lease goes.
local function claim(go)
  local rows, leases, bytes = {}, {}, 0
  for _, id in ipairs(go) do
    local row = redis.pcall('HMGET', asynq .. 't:' .. id, 'msg', 'state', 'tc', 'tc:a', 'pending_since')
    if not row[1] or row[2] ~= 'active' then
      ids[#ids + 1] = id
    elseif bytes == 0 or bytes + #row[1] <= MAX_BATCH_BYTES then
      bytes = bytes + #row[1]
      leases[#leases + 1] = id
      add_row(rows, #rows, id, row, row[4])
    end
  end
  if #leases == 0 then
    return 0, {}
  end
  local token = next_token(tc)
  local score = lease_score(tonumber(ARGV[4]), token)
  for i = #leases, 1, -1 do
    leases[2 * i - 1], leases[2 * i] = score, leases[i]
  end
  redis.call('ZADD', lease, 'XX', unpack(leases))
  return token, rows
end

local bad = misfit(active, 'list', lease, 'zset', pending, 'list', asynq .. 'archived', 'zset', scan, 'hash', tc .. 'tok', 'string')
if bad then
  return '!' .. bad
end
if held_off(scan) then
  return { 0, 0, {}, 0, {} }
end
ids, go = expired(lease, scan, tonumber(ARGV[2]))
local token, rows = claim(go)
if #ids == 0 then
  return { 0, 0, {}, token, rows }
end

leave_active(active, ids)
redis.call('ZREM', lease, unpack(ids))
local back, poison, dropped = {}, {}, {}
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
  elseif not row[1] or row[1] == 'active' then
    dropped[#dropped + 1] = id
    -- What Go's dequeue makes of an ID without a task (protocol D8).
    if row[1] then
      redis.call('DEL', key)
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
note(tc, 'dropped', #dropped)
return { #back, #poison, dropped, token, rows }
