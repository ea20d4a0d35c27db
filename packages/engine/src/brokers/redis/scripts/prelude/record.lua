-- Reads a task for people: its fields, the score of its set (active: of its lease), its ID, whether its lease is
-- over; nil where there is none.
local SCORED = { scheduled = true, retry = true, archived = true, completed = true }

local function record_of(asynq, id)
  local key = asynq .. 't:' .. id
  local row = redis.pcall(
    'HMGET', key, 'msg', 'state', 'tc', 'tc:a', 'tc:x', 'tc:d', 'tc:s', 'tc:c', 'result', 'pending_since'
  )
  if not row[1] and not row[2] then
    return nil
  end
  local set = row[2] == 'active' and 'lease' or SCORED[row[2]] and row[2]
  local score = set and redis.pcall('ZSCORE', asynq .. set, id)
  row[11] = type(score) == 'string' and score or false
  row[12] = id
  row[13] = row[2] == 'active' and row[11] and math.floor(tonumber(row[11])) <= now_s and 1 or 0
  return row
end

-- Most bytes of messages in a page; one task always fits.
local PAGE_BYTES = 1048576
