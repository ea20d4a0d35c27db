-- What the end of a task means for its schedule. A queue without runs pays for one EXISTS per call.
local function has_runs(tc)
  return redis.call('EXISTS', tc .. 'watch') == 1
end

-- how_by_id: how each of them has ended where it is not completed. An error must not stop the end of a task: the history is less.
local function end_runs(tc, ids, how_by_id)
  -- Inside, since Lua creates all functions of a script at each call.
  -- @use schedules runs
  local watch = tc .. 'watch'
  for first = 1, #ids, 1000 do
    local last = math.min(first + 999, #ids)
    local flags, ended, flag_of = redis.pcall('HMGET', watch, unpack(ids, first, last)), {}, {}
    for i, flag in ipairs(flags.err and {} or flags) do
      local id = ids[first + i - 1]
      if flag and not flag_of[id] then
        ended[#ended + 1], flag_of[id] = id, flag
      end
    end
    if #ended > 0 then
      redis.call('HDEL', watch, unpack(ended))
    end
    for _, id in ipairs(ended) do
      pcall(record_end, tc, id, flag_of[id], ENDED[how_by_id[id] or 'completed'])
    end
    pcall(write_failing, tc)
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
