-- Ends attempts of one queue in the general case. batch: ids, keys of their tasks, arg_index (where an attempt's finish begins in
-- ARGV), flags (is the lease held), plain (how many come first and are plain), all (do all plain tasks exist). Returns the
-- reply codes.
-- RECORD finish: id; token; end_code: see END in `codes.lua`; line: for the history, or what a deferred task waits for; is_whole: whether the message replaces
--        the stored one (1) or is appended to it (0); message; retention_or_delay: how long a success is kept, in s, or
--        the delay of a retry or a deferral in ms; lock: the unique lock to release, '' = none; result_or_stack: what a success
--        leaves, or the number and stack of a failed attempt, '' = none
local function finish_mixed(asynq, tc, batch)
  -- Inside, since Lua creates all functions of a script at each call: most calls end plain attempts only and need none of these.
  -- @use bytes history remove archive moves move after-finish cancel-requests cancelling finish

  -- `released` also has tasks that no longer exist: their leases and active entries are removed with the others.
  local moves, released, codes, rows, accepted = new_moves(), {}, {}, {}, {}
  for i = 1, #batch.ids do
    codes[i] = CODE.refused
    if batch.flags[i] then
      released[#released + 1] = batch.ids[i]
      local finish = batch.arg_index[i]
      local code = finish and ARGV[finish].end_code
      local exists = not code and (batch.all or redis.call('EXISTS', batch.keys[i]) == 1)
      if code then
        local found = redis.pcall('HMGET', batch.keys[i], unpack(FIELDS_BY_END[code] or OTHER_FIELDS))
        rows[i], exists = found, found.first_field
      end
      if exists then
        local is_cancelled = code and is_cancelling(rows[i], code)
        codes[i] = is_cancelled and CODE.cancelled or CODE.done
        accepted[#accepted + 1] = i
        if not is_cancelled and not UNPROCESSED[code] then
          moves.processed = moves.processed + 1
        end
      end
    end
  end
  if #released == 0 then
    return table.concat(codes)
  end
  remove_active(asynq .. 'active', released)
  redis.call('ZREM', asynq .. 'lease', unpack(released))
  for _, i in ipairs(accepted) do
    if i <= batch.plain then
      moves.removed[#moves.removed + 1] = batch.keys[i]
    elseif codes[i] == CODE.cancelled then
      cancel_task(asynq, tc, moves, batch.keys[i], rows[i], batch.arg_index[i])
    else
      end_task(tc, moves, batch.keys[i], rows[i], batch.arg_index[i])
    end
  end
  apply_moves(asynq, tc, moves)
  after_finish(asynq, tc, moves)
  return table.concat(codes)
end
