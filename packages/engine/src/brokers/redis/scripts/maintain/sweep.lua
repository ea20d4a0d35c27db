#!lua flags=allow-oom
-- @use time names doubts
-- sweep: scans the keys of one queue, some in each call, for tasks, locks and groups that no index leads to. The janitor calls
-- it; all its processes together do one step in 6 s.
-- KEYS   pending: names the queue
-- ARGV   now
-- TOUCHES active, lease, groups, g:*, aggregation_sets, scan, doubts, odd, aside:*, t:*, unique:*
-- RETURN numbers of tasks given to the recoverer, of locks released, of groups added to `groups` again; keys renamed; or
--        `!<key>`: this key has a wrong type
-- BOUND  about 500 keys of the database, 100 that were missing before
local MAX_SCANNED, MAX_REVIEWED = 500, 100
-- Lists up to this length are searched for a task.
local MAX_LIST_SEARCHED = 2000
local asynq, tc = key_prefixes(KEYS.pending)
local active, lease, groups, sets = asynq .. 'active', asynq .. 'lease', asynq .. 'groups', asynq .. 'aggregation_sets'
local scan, doubts = tc .. 'scan', tc .. 'doubts'
local wrong_key = find_wrong_type(
  active, 'list', lease, 'zset', groups, 'set', sets, 'zset', scan, 'hash', doubts, 'zset'
)
if wrong_key then
  return '!' .. wrong_key
end
if not claim_turn(scan, 'swept') then
  return { 0, 0, 0, {} }
end
local recovered, released, regrouped, renamed = 0, 0, 0, {}

local function rename_if_wrong_typed(key, type_name, name)
  if not find_wrong_type(key, type_name) then
    return false
  end
  rename_key(tc, key, name)
  renamed[#renamed + 1] = key
  return true
end

-- An active task in no list: a script that Redis stopped in the middle leaves one behind, as Asynq's do.
local function check_task(key, id)
  if redis.pcall('HGET', key, FIELD.state) ~= 'active' or redis.call('ZSCORE', lease, id) then
    return
  end
  if redis.call('LLEN', active) > MAX_LIST_SEARCHED or redis.call('LPOS', active, id) then
    return
  end
  if confirm_missing(doubts, id) then
    redis.call('RPUSH', active, id)
    redis.call('ZADD', lease, EXPIRED_S, id)
    recovered = recovered + 1
  end
end

-- Our scripts write lock and task together, so a lock without a task is a leftover.
local function check_lock(key)
  if rename_if_wrong_typed(key, 'string', string.sub(key, #asynq + 1)) then
    return
  end
  local id = redis.call('GET', key)
  if not id or redis.call('EXISTS', asynq .. 't:' .. id) == 1 then
    redis.call('ZREM', doubts, key)
  elseif confirm_missing(doubts, key) then
    released = released + redis.call('DEL', key)
  end
end

-- Aggregators see only groups that `groups` names, and Asynq may forget to name one. A set that is being aggregated has an
-- entry in `aggregation_sets` instead.
local function check_group(key, name)
  if rename_if_wrong_typed(key, 'zset', 'g:' .. name) then
    return
  end
  if redis.call('EXISTS', key) == 1 and not redis.call('ZSCORE', sets, key) then
    regrouped = regrouped + redis.call('SADD', groups, name)
  end
end

local function check(key)
  local name = string.sub(key, #asynq + 1)
  if string.sub(name, 1, 2) == 't:' then
    check_task(key, string.sub(name, 3))
  elseif string.sub(name, 1, 7) == 'unique:' then
    check_lock(key)
  elseif string.sub(name, 1, 2) == 'g:' then
    check_group(key, string.sub(name, 3))
  end
end

-- First checks again what was missing before: waiting for the scan to come by again could take hours.
for _, name in ipairs(redis.call('ZRANGE', doubts, '-inf', now_s - DOUBT_S, 'BYSCORE', 'LIMIT', 0, MAX_REVIEWED)) do
  check(string.sub(name, 1, #asynq) == asynq and name or asynq .. 't:' .. name)
end
redis.call('ZREMRANGEBYSCORE', doubts, '-inf', now_s - FORGET_S)

local pattern = string.gsub(asynq, '[%*%?%[%]\\]', '\\%0') .. '*'
local cursor = redis.call('HGET', scan, 'cursor') or '0'
local found = redis.pcall('SCAN', cursor, 'MATCH', pattern, 'COUNT', MAX_SCANNED)
redis.call('HSET', scan, 'cursor', found[1] or '0')
for _, key in ipairs(found[2] or {}) do
  check(key)
end
return { recovered, released, regrouped, renamed }
