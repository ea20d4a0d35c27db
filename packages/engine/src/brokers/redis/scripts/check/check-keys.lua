-- @use time names counters key-types
-- check-keys: scans a page of the keys of one queue, and returns what seems wrong.
-- KEYS   pending
-- ARGV   now; cursor: 0 = from the start
-- TOUCHES active, lease, scheduled, retry, archived, completed, aggregation_sets, groups, due, st:cancelled,
--        st:cancelling, doubts, tok, scan, cfg, biz, odd, n, sch, names, next, soon, failing, fl, watch, g:*, t:*, unique:*, processed, processed:*, failed, failed:*
-- RETURN cursor, 0 = this was the last page; candidates, each as three values: what it is (task, lock, group, key), name, '';
--        IDs whose state says that they are in a list; keys of groups
-- BOUND  about 500 keys of the database
local MAX_SCANNED = 500
local asynq, tc = key_prefixes(KEYS.pending)
local candidates, listed, groups = {}, {}, {}

local function add_candidate(what, name)
  local n = #candidates
  candidates[n + 1], candidates[n + 2], candidates[n + 3] = what, name, ''
end

-- Whether the task is in the sorted set of its state. Lists are too slow to search: such IDs go to `listed`, for the walk to
-- compare.
-- RECORD row: message; state; group; own_state
local SETS = { scheduled = 1, retry = 1, archived = 1, completed = 1 }
local function is_indexed(id, row)
  local state, group = row.state, row.group
  if not row.message or not state then
    return false
  elseif state == 'pending' or state == 'active' then
    listed[#listed + 1] = id
    return state == 'pending' or type(redis.pcall('ZSCORE', asynq .. 'lease', id)) == 'string'
  end
  local set = SETS[state] and state or state == 'aggregating' and group and 'g:' .. group
  return set and type(redis.pcall('ZSCORE', asynq .. set, id)) == 'string'
end

-- RECORD holder: message; state
local function check_key(key)
  local name = string.sub(key, #asynq + 1)
  if string.sub(name, 1, 2) == 't:' then
    local id = string.sub(name, 3)
    local row = redis.pcall('HMGET', key, FIELDS.row)
    local is_unknown = row.own_state == 'cancelling' and not redis.pcall('ZSCORE', tc .. 'st:cancelling', id)
    if not is_indexed(id, row) or is_unknown then
      add_candidate('task', id)
    end
  elseif string.sub(name, 1, 7) == 'unique:' then
    local owner = redis.pcall('GET', key)
    local holder = type(owner) == 'string' and redis.pcall('HMGET', asynq .. 't:' .. owner, FIELDS.holder) or {}
    if not holder.message or holder.state == 'completed' then
      add_candidate('lock', key)
    end
  elseif string.sub(name, 1, 2) == 'g:' then
    groups[#groups + 1] = key
    if find_wrong_type(key, 'zset') or redis.pcall('SISMEMBER', asynq .. 'groups', string.sub(name, 3)) ~= 1 then
      add_candidate('group', key)
    end
  end
end

if ARGV.cursor == '0' then
  for _, wrong in ipairs(wrong_keys(asynq, tc, today())) do
    add_candidate('key', wrong[1])
  end
end
local pattern = string.gsub(asynq, '[%*%?%[%]\\]', '\\%0') .. '*'
local found = redis.call('SCAN', ARGV.cursor, 'MATCH', pattern, 'COUNT', MAX_SCANNED)
for _, key in ipairs(found[2]) do
  check_key(key)
end
return { found[1], candidates, listed, groups }
