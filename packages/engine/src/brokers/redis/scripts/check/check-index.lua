-- @use time names
-- check-index: a page of one list or set of IDs of one queue, for those that seem wrong there.
-- KEYS   1 pending; 2 the list or set
-- ARGV   1 now; 2 state that its tasks have (lease, due and st:cancelled: that name); 3 where the page begins: of a list
--        the place from the left, of a set its cursor
-- RETURN where the next page begins, 0 = that was the last one; IDs that seem wrong; of a list all IDs
-- BOUND  about 500 IDs
local PAGE = 500
local asynq = names_of(KEYS[1])
local key, name = KEYS[2], ARGV[2]
local STATES = {
  lease = { active = 1 }, due = { scheduled = 1, retry = 1 }, ['st:cancelled'] = { completed = 1 },
}
local states = STATES[name] or { [name] = 1 }
local ids, scores, following = {}, {}, '0'

local function read_list()
  ids = redis.call('LRANGE', key, ARGV[3], ARGV[3] + PAGE - 1)
  following = #ids == PAGE and whole(ARGV[3] + PAGE) or '0'
end

local function read_set()
  local found = redis.call('ZSCAN', key, ARGV[3], 'COUNT', PAGE)
  for i = 1, #found[2], 2 do
    ids[#ids + 1], scores[#scores + 1] = found[2][i], found[2][i + 1]
  end
  following = found[1]
end

-- A mark of ours has the same score as what it marks.
local function is_marked_wrong(i)
  local score = name == 'st:cancelled' and redis.pcall('ZSCORE', asynq .. 'completed', ids[i])
  return score and (type(score) ~= 'string' or tonumber(score) ~= tonumber(scores[i]))
end

local kind = redis.call('TYPE', key).ok
if kind == 'list' then
  read_list()
elseif kind == 'zset' then
  read_set()
end
local wrong = {}
for i, id in ipairs(ids) do
  local row = redis.pcall('HMGET', asynq .. 't:' .. id, 'state', 'msg')
  local leased = name ~= 'active' or type(redis.pcall('ZSCORE', asynq .. 'lease', id)) == 'string'
  if not row[2] or not states[row[1]] or not leased or is_marked_wrong(i) then
    wrong[#wrong + 1] = id
  end
end
return { following, wrong, kind == 'list' and ids or {} }
