-- Ends attempts of one queue in the general case. batch: ids, keys of their tasks, arg_index (where an attempt's values begin
-- in ARGV), flags (is the lease held), plain (how many come first and are plain), all (do all plain tasks exist). Returns
-- the reply codes.
local asynq, tc, batch = ...

-- `released` also has tasks that no longer exist: their leases and active entries are removed with the others.
local moves, released, codes, rows = new_moves(), {}, {}, {}
local accepted, processed = {}, 0
for i = 1, #batch.ids do
  codes[i] = '0'
  if batch.flags[i] then
    released[#released + 1] = batch.ids[i]
    local code = i > batch.plain and ARGV[batch.arg_index[i] + 2]
    local exists = not code and (batch.all or redis.call('EXISTS', batch.keys[i]) == 1)
    if code then
      rows[i] = redis.pcall('HMGET', batch.keys[i], unpack(FIELDS[code] or MESSAGE_AND_HISTORY))
      exists = rows[i][1]
    end
    if exists then
      codes[i] = '1'
      accepted[#accepted + 1] = i
      processed = processed + ((code == 'q' or code == 'r' or code == 'u') and 0 or 1)
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
    moves.deleted[#moves.deleted + 1] = batch.keys[i]
  else
    end_task(moves, batch.keys[i], rows[i], batch.arg_index[i])
  end
end
apply_moves(asynq, tc, moves)
count(asynq, processed, moves.failed)
return table.concat(codes)
