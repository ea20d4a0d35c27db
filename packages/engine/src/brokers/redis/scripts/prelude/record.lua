-- Reads a task for inspection: its fields in the order below, [11] score in the set of its state (active: in `lease`), [12] ID,
-- [13] whether it is active with an expired lease (1/0). nil if there is no such task.
local IN_SORTED_SET = { scheduled = true, retry = true, archived = true, completed = true }

local function record_of(asynq, id)
  local key = asynq .. 't:' .. id
  local row = redis.pcall(
    'HMGET', key, 'msg', 'state', 'tc', 'tc:a', 'tc:x', 'tc:d', 'tc:s', 'tc:c', 'result', 'pending_since'
  )
  if not row[1] and not row[2] then
    return nil
  end
  local set = row[2] == 'active' and 'lease' or IN_SORTED_SET[row[2]] and row[2]
  local score = set and redis.pcall('ZSCORE', asynq .. set, id)
  row[11] = type(score) == 'string' and score or false
  row[12] = id
  row[13] = row[2] == 'active' and row[11] and math.floor(tonumber(row[11])) <= now_s and 1 or 0
  return row
end

-- Bytes of messages in a page; a single task always fits.
local PAGE_BYTES = 1048576
