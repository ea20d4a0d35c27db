#!lua flags=allow-oom
-- @use time names doubts
-- sweep: looks through the keys of one queue, some at each call, for what no index knows any more.
-- KEYS   1 pending
-- ARGV   1 now
-- RETURN tasks given to the recoverer, locks released, groups named again, keys set aside; or `!<key>`: this key has a wrong type
-- BOUND  about 500 keys of the database, 100 that were missed before
local LOOK_MOST, REVIEW_MOST = 500, 100
-- A task is looked for in lists up to this length.
local MAX_LIST_SEARCHED = 2000
local asynq, tc = names_of(KEYS[1])
local active, lease, groups, sets = asynq .. 'active', asynq .. 'lease', asynq .. 'groups', asynq .. 'aggregation_sets'
local scan, doubts = tc .. 'scan', tc .. 'doubts'
local bad = misfit(
  active, 'list', lease, 'zset', groups, 'set', sets, 'zset', scan, 'hash', doubts, 'zset'
)
if bad then
  return '!' .. bad
end
if not is_turn(scan, 'swept') then
  return { 0, 0, 0, {} }
end
local lost, released, named, aside = 0, 0, 0, {}

local function misfits(key, kind, name)
  if not misfit(key, kind) then
    return false
  end
  put_aside(tc, key, name)
  aside[#aside + 1] = key
  return true
end

-- A finish that was cut short leaves a task in no list (protocol D16).
local function check_task(key, id)
  if redis.pcall('HGET', key, 'state') ~= 'active' or redis.call('ZSCORE', lease, id) then
    return
  end
  if redis.call('LLEN', active) > MAX_LIST_SEARCHED or redis.call('LPOS', active, id) then
    return
  end
  if missed_twice(doubts, id) then
    redis.call('RPUSH', active, id)
    redis.call('ZADD', lease, EXPIRED_S, id)
    lost = lost + 1
  end
end

-- Lock and task are written in one script: a lock without a task is a leftover (protocol D13).
local function check_lock(key)
  if misfits(key, 'string', string.sub(key, #asynq + 1)) then
    return
  end
  local id = redis.call('GET', key)
  if not id or redis.call('EXISTS', asynq .. 't:' .. id) == 1 then
    redis.call('ZREM', doubts, key)
  elseif missed_twice(doubts, key) then
    released = released + redis.call('DEL', key)
  end
end

-- An aggregator looks at named groups only (protocol D10, D11); sets under way have an entry of their own.
local function check_group(key, name)
  if misfits(key, 'zset', 'g:' .. name) then
    return
  end
  if redis.call('EXISTS', key) == 1 and not redis.call('ZSCORE', sets, key) then
    named = named + redis.call('SADD', groups, name)
  end
end

local function check(key)
  local rest = string.sub(key, #asynq + 1)
  if string.sub(rest, 1, 2) == 't:' then
    check_task(key, string.sub(rest, 3))
  elseif string.sub(rest, 1, 7) == 'unique:' then
    check_lock(key)
  elseif string.sub(rest, 1, 2) == 'g:' then
    check_group(key, string.sub(rest, 3))
  end
end

-- What was missed before need not wait until the search comes by again.
for _, name in ipairs(redis.call('ZRANGE', doubts, '-inf', now_s - DOUBT_S, 'BYSCORE', 'LIMIT', 0, REVIEW_MOST)) do
  check(string.sub(name, 1, #asynq) == asynq and name or asynq .. 't:' .. name)
end
redis.call('ZREMRANGEBYSCORE', doubts, '-inf', now_s - FORGET_S)

local pattern = string.gsub(asynq, '[%*%?%[%]\\]', '\\%0') .. '*'
local cursor = redis.call('HGET', scan, 'cursor') or '0'
local found = redis.pcall('SCAN', cursor, 'MATCH', pattern, 'COUNT', LOOK_MOST)
redis.call('HSET', scan, 'cursor', found[1] or '0')
for _, key in ipairs(found[2] or {}) do
  check(key)
end
return { lost, released, named, aside }
