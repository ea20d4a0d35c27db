-- @use time names
-- check-index: reads a page of one list or set of IDs of one queue, and returns the IDs that seem wrong there.
-- KEYS   pending: names the queue; index: the list or set
-- ARGV   now; name: the state that its tasks must have, or lease, due, st:cancelled or st:cancelling; from: where the page begins, in a list the
--        index from the left, in a set the cursor of ZSCAN
-- TOUCHES lease, completed, t:*
-- RETURN where the next page begins, 0 = this was the last one; IDs that seem wrong; all IDs of the page if it is a list
-- BOUND  about 500 IDs
local PAGE = 500
local asynq = key_prefixes(KEYS.pending)
local key, name = KEYS.index, ARGV.name
local STATES = {
  lease = { active = 1 }, due = { scheduled = 1, retry = 1 }, ['st:cancelled'] = { completed = 1 },
  -- By the own state of the task.
  ['st:cancelling'] = { cancelling = 1 },
}
local states = STATES[name] or { [name] = 1 }
local ids, scores, next_cursor = {}, {}, '0'

local function read_list()
  ids = redis.call('LRANGE', key, ARGV.from, ARGV.from + PAGE - 1)
  next_cursor = #ids == PAGE and int_text(ARGV.from + PAGE) or '0'
end

local function read_set()
  local found = redis.call('ZSCAN', key, ARGV.from, 'COUNT', PAGE)
  for i = 1, #found[2], 2 do
    ids[#ids + 1], scores[#scores + 1] = found[2][i], found[2][i + 1]
  end
  next_cursor = found[1]
end

-- A member of `st:cancelled` must have the same score in `completed`.
local function is_marked_wrong(i)
  local score = name == 'st:cancelled' and redis.pcall('ZSCORE', asynq .. 'completed', ids[i])
  return score and (type(score) ~= 'string' or tonumber(score) ~= tonumber(scores[i]))
end

local key_type = redis.call('TYPE', key).ok
if key_type == 'list' then
  read_list()
elseif key_type == 'zset' then
  read_set()
end
local wrong = {}
-- RECORD row: state; message; own_state
for i, id in ipairs(ids) do
  local row = redis.pcall('HMGET', asynq .. 't:' .. id, FIELDS.row)
  local leased = name ~= 'active' or type(redis.pcall('ZSCORE', asynq .. 'lease', id)) == 'string'
  if not row.message or not states[name == 'st:cancelling' and row.own_state or row.state] or not leased or is_marked_wrong(i) then
    wrong[#wrong + 1] = id
  end
end
return { next_cursor, wrong, key_type == 'list' and ids or {} }
