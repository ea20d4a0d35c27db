-- @use time names counters kinds
-- check-keys: a page of the keys of one queue, for what seems wrong.
-- KEYS   1 pending
-- ARGV   1 now; 2 cursor, 0 = from the start
-- RETURN cursor, 0 = that was the last page; suspects: what it is, name and '' in turn; IDs that must be in a list;
--        keys of groups
-- BOUND  about 500 keys of the database
local LOOK_MOST = 500
local asynq, tc = names_of(KEYS[1])
local suspects, listed, groups = {}, {}, {}

local function suspect(what, name)
  local n = #suspects
  suspects[n + 1], suspects[n + 2], suspects[n + 3] = what, name, ''
end

local SETS = { scheduled = 1, retry = 1, archived = 1, completed = 1 }
local function stands_right(id, row)
  local state, group = row[2], row[3]
  if not row[1] or not state then
    return false
  elseif state == 'pending' or state == 'active' then
    listed[#listed + 1] = id
    return state == 'pending' or type(redis.pcall('ZSCORE', asynq .. 'lease', id)) == 'string'
  end
  local set = SETS[state] and state or state == 'aggregating' and group and 'g:' .. group
  return set and type(redis.pcall('ZSCORE', asynq .. set, id)) == 'string'
end

local function look(key)
  local rest = string.sub(key, #asynq + 1)
  if string.sub(rest, 1, 2) == 't:' then
    local id = string.sub(rest, 3)
    if not stands_right(id, redis.pcall('HMGET', key, 'msg', 'state', 'group')) then
      suspect('task', id)
    end
  elseif string.sub(rest, 1, 7) == 'unique:' then
    local owner = redis.pcall('GET', key)
    local row = type(owner) == 'string' and redis.pcall('HMGET', asynq .. 't:' .. owner, 'msg', 'state') or {}
    if not row[1] or row[2] == 'completed' then
      suspect('lock', key)
    end
  elseif string.sub(rest, 1, 2) == 'g:' then
    groups[#groups + 1] = key
    if misfit(key, 'zset') or redis.pcall('SISMEMBER', asynq .. 'groups', string.sub(rest, 3)) ~= 1 then
      suspect('group', key)
    end
  end
end

if ARGV[2] == '0' then
  for _, wrong in ipairs(wrong_keys(asynq, tc, today())) do
    suspect('key', wrong[1])
  end
end
local pattern = string.gsub(asynq, '[%*%?%[%]\\]', '\\%0') .. '*'
local found = redis.call('SCAN', ARGV[2], 'MATCH', pattern, 'COUNT', LOOK_MOST)
for _, key in ipairs(found[2]) do
  look(key)
end
return { found[1], suspects, listed, groups }
