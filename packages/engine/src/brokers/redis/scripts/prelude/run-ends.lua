-- What the end of a task means for its schedule. A queue without runs pays for one EXISTS per call.
local function has_runs(tc)
  return redis.call('EXISTS', tc .. 'watch') == 1
end

-- how_by_id: how each of them has ended where it is not completed. An error must not stop the end of a task: the history is less.
local function end_runs(tc, ids, how_by_id)
  -- Inside, since Lua creates all functions of a script at each call.
  -- @use schedules runs
  for first = 1, #ids, 1000 do
    local flags = redis.pcall('HMGET', tc .. 'watch', unpack(ids, first, math.min(first + 999, #ids)))
    for i, flag in ipairs(flags.err and {} or flags) do
      local id = ids[first + i - 1]
      if flag then
        pcall(end_run, tc, id, flag, ENDED[how_by_id[id] or 'completed'])
      end
    end
  end
end

-- The runs among tasks that were moved or removed.
local function end_moved_runs(asynq, tc, moves)
  local ids, how = {}, {}
  for i = 2, #moves.completed, 2 do
    ids[#ids + 1] = moves.completed[i]
  end
  for i = 2, #moves.cancelled, 2 do
    how[moves.cancelled[i]] = 'cancelled'
  end
  for _, id in ipairs(moves.archived) do
    ids[#ids + 1], how[id] = id, 'archived'
  end
  for _, key in ipairs(moves.removed) do
    local id = string.sub(key, #asynq + 3)
    ids[#ids + 1], how[id] = id, moves.are_gone and 'gone' or nil
  end
  end_runs(tc, ids, how)
end
