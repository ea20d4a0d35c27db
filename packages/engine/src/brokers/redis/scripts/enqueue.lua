-- @use time names receipt
-- enqueue: stores new tasks of one queue; an ID that is taken is left alone.
-- KEYS   1 receipt; 2 pending; then the task's hash, per task
-- ARGV   1 now; 2 slot; 3 sequence; 4 whether an ID may stand twice (1/0); 5 number of businesses, then their
--        names; then per task: ID, message, meta ('' = none), delay in ms, start in ms (0 = none)
-- RETURN `<now>:<codes>`, a code per task: 1 stored, 0 the ID is taken, x its key holds no hash;
--        `!<key>`: this key has a wrong type, nothing was written; `!stale`: a late duplicate
-- BOUND  256 tasks
-- It runs without `allow-oom`: its first write is refused when memory is full.
local kept, stale = receipt_of(KEYS[1], ARGV[2], ARGV[3])
if kept or stale then
  return kept or STALE
end
local pending = KEYS[2]
local asynq, tc = names_of(pending)
local scheduled, due, biz = asynq .. 'scheduled', tc .. 'due', tc .. 'biz'
local bad = misfit(pending, 'list', scheduled, 'zset', due, 'zset', biz, 'set')
if bad then
  return '!' .. bad
end

local businesses = tonumber(ARGV[5])
local ready, starts, exact, codes = {}, {}, {}, {}
-- Most often all IDs are new: one command tells.
local look = ARGV[4] == '1' or redis.call('EXISTS', unpack(KEYS, 3)) > 0

local function store(key, p, ms)
  local id, message, meta = ARGV[p], ARGV[p + 1], ARGV[p + 2]
  if ms > now then
    local at = #starts
    starts[at + 1], starts[at + 2] = whole(math.ceil(ms / 1000)), id
    exact[at + 1], exact[at + 2] = whole(ms), id
    redis.call('HSET', key, 'msg', message, 'state', 'scheduled', 'tc:d', whole(ms))
    if meta ~= '' then
      redis.call('HSET', key, 'tc', meta)
    end
    return
  end
  ready[#ready + 1] = id
  if meta == '' then
    redis.call('HSET', key, 'msg', message, 'state', 'pending', 'pending_since', now_ns)
  else
    redis.call('HSET', key, 'msg', message, 'state', 'pending', 'pending_since', now_ns, 'tc', meta)
  end
end

local p = 6 + businesses
for i = 3, #KEYS do
  local key = KEYS[i]
  local type = look and redis.call('TYPE', key).ok or 'none'
  if type == 'none' then
    store(key, p, math.max(now + ARGV[p + 3], ARGV[p + 4]))
    codes[i - 2] = '1'
  else
    codes[i - 2] = type == 'hash' and '0' or 'x'
  end
  p = p + 5
end

if #ready > 0 then
  redis.call('LPUSH', pending, unpack(ready))
end
if #starts > 0 then
  redis.call('ZADD', scheduled, unpack(starts))
  redis.call('ZADD', due, unpack(exact))
end
if businesses > 0 then
  redis.call('SADD', biz, unpack(ARGV, 6, 5 + businesses))
end
local reply = whole(now) .. ':' .. table.concat(codes)
keep_receipt(KEYS[1], ARGV[2], ARGV[3], reply)
return reply
