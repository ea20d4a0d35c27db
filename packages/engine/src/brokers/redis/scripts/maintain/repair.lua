#!lua flags=allow-oom
-- @use time names bytes history counters archive doubts kinds
-- repair: mends the indexes of one queue where crashed or foreign processes left them odd.
-- KEYS   1 pending
-- ARGV   1 now; 2 limit
-- RETURN tasks given to the recoverer, tasks archived because they would never start, keys set aside
-- BOUND  256 active tasks, 256 entries of each set
local pending = KEYS[1]
local limit = math.min(256, tonumber(ARGV[2]))
local asynq, tc = names_of(pending)
local active, lease, scan, doubts = asynq .. 'active', asynq .. 'lease', tc .. 'scan', tc .. 'doubts'
-- No clock is off by more, and no plan goes further.
local DAY_S, CENTURY_S = 86400, 3155760000

-- Active tasks without a lease, a window of the list at a time, the oldest first.
local function watch_active()
  local at = sane(redis.call('HGET', scan, 'active')) or 0
  local ids = redis.call('LRANGE', active, -(at + limit), -(at + 1))
  redis.call('HSET', scan, 'active', #ids == limit and at + limit or 0)
  local leases = #ids > 0 and redis.call('ZMSCORE', lease, unpack(ids)) or {}
  local lost = 0
  for i, id in ipairs(ids) do
    if leases[i] then
      redis.call('ZREM', doubts, id)
    elseif missed_twice(doubts, id) then
      redis.call('ZADD', lease, EXPIRED_S, id)
      lost = lost + 1
    end
  end
  return lost
end

-- Entries with a score from `from_s` on, which is no time, get another one.
local function settle(name, from_s, to_s)
  local ids = redis.call('ZRANGE', asynq .. name, from_s, '+inf', 'BYSCORE', 'LIMIT', 0, limit)
  for _, id in ipairs(ids) do
    redis.call('ZADD', asynq .. name, to_s, id)
  end
  return #ids
end

-- Tasks that would never start; those that wait for something else than a time (design D1) stand at a time of theirs.
local NEVER_S = 253370764800
local function archive_endless(name)
  local set = asynq .. name
  local ids = redis.call('ZRANGE', set, now_s + CENTURY_S, '(' .. NEVER_S, 'BYSCORE', 'LIMIT', 0, limit)
  for _, id in ipairs(redis.call('ZRANGE', set, '(' .. NEVER_S, '+inf', 'BYSCORE', 'LIMIT', 0, limit - #ids)) do
    ids[#ids + 1] = id
  end
  local kept = {}
  for _, id in ipairs(ids) do
    local key = asynq .. 't:' .. id
    local msg = redis.pcall('HGET', key, 'msg')
    if type(msg) == 'string' then
      msg = msg .. error_field('its start is no time') .. FAILED_NOW
      redis.call('HSET', key, 'state', 'archived', 'msg', msg)
      kept[#kept + 1] = id
    end
    redis.call('ZREM', set, id)
    redis.call('ZREM', tc .. 'due', id)
  end
  if #kept > 0 then
    archive(asynq, kept)
  end
  note(tc, 'archived', #kept)
  note(tc, 'dropped', #ids - #kept)
  return #kept
end

local aside = {}
for i, wrong in ipairs(wrong_keys(asynq, tc, today())) do
  put_aside(tc, wrong[1], wrong[2])
  aside[i] = wrong[1]
end
if not is_turn(scan, 'repaired') then
  return { 0, 0, aside }
end
local lost = watch_active() + settle('lease', now_s + DAY_S, EXPIRED_S)
settle('archived', now_s + DAY_S, now_s)
settle('aggregation_sets', now_s + DAY_S, now_s)
settle('completed', now_s + CENTURY_S, now_s + DAY_S)
return { lost, archive_endless('scheduled') + archive_endless('retry'), aside }
