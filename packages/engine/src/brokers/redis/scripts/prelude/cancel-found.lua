-- Ends tasks in the own state `cancelling` that a script has met where they wait: a Go worker has put them there when it ended or
-- gave back their attempts. The caller has taken the IDs out of their index.
local function cancel_found(asynq, tc, ids)
  if #ids == 0 then
    return
  end
  -- Inside, since Lua creates all functions of a script at each call: hardly any call needs these.
  -- @use totals bytes history counters remove archive moves move run-ends after-finish cancelling
  local moves = new_moves()
  for _, id in ipairs(ids) do
    end_cancelling(asynq, tc, moves, asynq .. 't:' .. id, id)
  end
  apply_moves(asynq, tc, moves)
  after_finish(asynq, tc, moves)
end
