-- Which type each of a queue's keys has.
local ASYNQS = {
  list = { 'pending', 'active' },
  zset = { 'lease', 'scheduled', 'retry', 'archived', 'completed', 'aggregation_sets' },
  set = { 'groups' },
}
local OURS = {
  zset = { 'due', 'st:cancelled', 'doubts' }, string = { 'tok' }, hash = { 'scan', 'cfg', 'odd' }, set = { 'biz' },
}

-- Keys of a wrong type, and counters that are none (Go's workers cannot end a task then): key, name, kind of each.
local function wrong_keys(asynq, tc, today)
  local found = {}
  local function look(prefix, kinds)
    for kind, names in pairs(kinds) do
      for _, name in ipairs(names) do
        local key = misfit(prefix .. name, kind)
        if key then
          found[#found + 1] = { key, name, 'type' }
        end
      end
    end
  end
  look(asynq, ASYNQS)
  look(tc, OURS)
  for _, name in ipairs({ 'processed', 'failed', 'processed:' .. today, 'failed:' .. today }) do
    local value = redis.pcall('GET', asynq .. name)
    if value and (type(value) == 'table' or not string.match(value, '^%-?%d+$')) then
      found[#found + 1] = { asynq .. name, name, 'counter' }
    end
  end
  return found
end
