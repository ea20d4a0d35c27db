-- Deletes tasks; nothing else does. (Half a hash, without a message, is no task: who meets one drops it.)
local function remove_tasks(keys)
  redis.call('DEL', unpack(keys))
end

-- Deletes the tasks of IDs found in the index of `state`. A task in another state stays: a foreign process may have left the ID
-- of a live task in this index.
local function remove_found(asynq, ids, state)
  local keys, states = {}, {
    pending = true, active = true, scheduled = true, retry = true, aggregating = true, completed = true, archived = true,
  }
  for _, id in ipairs(ids) do
    local key = asynq .. 't:' .. id
    local found = redis.pcall('HGET', key, FIELD.state)
    if found == state or not states[found] then
      keys[#keys + 1] = key
    end
  end
  if #keys > 0 then
    remove_tasks(keys)
  end
end
