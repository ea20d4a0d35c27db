-- Reads a task for people: its fields, the score of its set, its ID; nil where there is none.
local SCORED = { scheduled = true, retry = true, archived = true, completed = true }

local function record_of(asynq, id)
  local key = asynq .. 't:' .. id
  local row = redis.pcall(
    'HMGET', key, 'msg', 'state', 'tc', 'tc:a', 'tc:x', 'tc:d', 'tc:s', 'tc:c', 'result', 'pending_since'
  )
  if not row[1] and not row[2] then
    return nil
  end
  local score = SCORED[row[2]] and redis.pcall('ZSCORE', asynq .. row[2], id)
  row[11] = type(score) == 'string' and score or false
  row[12] = id
  return row
end

-- Most bytes of messages in a page; one task always fits.
local PAGE_BYTES = 1048576
