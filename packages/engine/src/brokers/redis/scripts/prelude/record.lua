-- Reads a task for inspection, as a row: its fields, the score in the set of its state (active: in `lease`), its ID, and whether
-- it is active with an expired lease (1/0). nil if there is no such task. `parseTaskRow` reads rows in TypeScript.
-- RECORD row: message; state; meta; attempt_state; history; due_ms; own_state; cancellation; result; pending_since; progress;
--        first_stack; newest_stack; score; id; is_lease_expired
local IN_SORTED_SET = { scheduled = true, retry = true, archived = true, completed = true }

local function record_of(asynq, id)
  local key = asynq .. 't:' .. id
  local row = redis.pcall('HMGET', key, FIELDS.row)
  if not row.message and not row.state then
    return nil
  end
  local set = row.state == 'active' and 'lease' or IN_SORTED_SET[row.state] and row.state
  local score = set and redis.pcall('ZSCORE', asynq .. set, id)
  row.score = type(score) == 'string' and score or false
  row.id = id
  row.is_lease_expired = row.state == 'active' and row.score and math.floor(tonumber(row.score)) <= now_s and 1 or 0
  return row
end

-- Bounds of a page in bytes: of messages, and of all that is read with them. A single task always fits.
local PAGE_BYTES = 1048576
local PAGE_BYTES_IN_ALL = 4194304

-- A function that counts the bytes of rows, and tells whether the next one still fits into the page.
local function new_page_room()
  local messages, all, rows = 0, 0, 0
  return function(row)
    local message = #(row.message or '')
    messages = messages + message
    all = all + message + #(row.meta or '') + #(row.history or '') + #(row.result or '') + #(row.first_stack or '')
      + #(row.newest_stack or '')
    rows = rows + 1
    return rows == 1 or (messages <= PAGE_BYTES and all <= PAGE_BYTES_IN_ALL)
  end
end
