-- The type that each of a queue's keys must have.
local ASYNQ_KEYS = {
  list = { 'pending', 'active' },
  zset = { 'lease', 'scheduled', 'retry', 'archived', 'completed', 'aggregation_sets' },
  set = { 'groups' },
}
local OWN_KEYS = {
  zset = { 'due', 'st:cancelled', 'st:cancelling', 'doubts', 'names', 'next', 'soon', 'failing', 'fl' }, string = { 'tok' },
  hash = { 'scan', 'cfg', 'sch', 'watch', 'n' }, set = { 'biz' },
}

-- Keys of a wrong type, and counters that are no integer, with which Go's workers cannot end a task. Each entry: key, name
-- without its prefix, kind of the fault (`type` or `counter`).
local function wrong_keys(asynq, tc, today)
  local found = {}
  local function check_types(prefix, names_by_type)
    for type_name, names in pairs(names_by_type) do
      for _, name in ipairs(names) do
        local key = find_wrong_type(prefix .. name, type_name)
        if key then
          found[#found + 1] = { key, name, 'type' }
        end
      end
    end
  end
  -- First: each key that is renamed after it counts in it, and `count_anomaly` replaces it if it has a wrong type.
  check_types(tc, { hash = { 'odd' } })
  check_types(asynq, ASYNQ_KEYS)
  check_types(tc, OWN_KEYS)
  local totals = redis.pcall('HGETALL', tc .. 'n')
  for i = 2, totals.err and 0 or #totals, 2 do
    if not string.match(totals[i], '^%-?%d+$') then
      found[#found + 1] = { tc .. 'n', 'n', 'counter' }
      break
    end
  end
  for _, name in ipairs({ 'processed', 'failed', 'processed:' .. today, 'failed:' .. today }) do
    local value = redis.pcall('GET', asynq .. name)
    if value and (type(value) == 'table' or not string.match(value, '^%-?%d+$')) then
      found[#found + 1] = { asynq .. name, name, 'counter' }
    end
  end
  return found
end
