-- Ends attempts that are not all plain successes which are still ours; of: IDs, their tasks' keys, where their values begin,
-- whether their leases are ours, how many are plain, whether all of these are there. Returns the codes.
local asynq, tc, of = ...

-- Where our lease stands for a task that is no more, the lease goes, too.
local moves, left, codes, rows = new_moves(), {}, {}, {}
local accepted, counted = {}, 0
for i = 1, #of.ids do
  codes[i] = '0'
  if of.flags[i] then
    left[#left + 1] = of.ids[i]
    local verb = i > of.plain and ARGV[of.place[i] + 2]
    local there = not verb and (of.all or redis.call('EXISTS', of.keys[i]) == 1)
    if verb then
      rows[i] = redis.pcall('HMGET', of.keys[i], unpack(FIELDS[verb] or KEEPING))
      there = rows[i][1]
    end
    if there then
      codes[i] = '1'
      accepted[#accepted + 1] = i
      counted = counted + ((verb == 'q' or verb == 'r' or verb == 'u') and 0 or 1)
    end
  end
end
if #left == 0 then
  return table.concat(codes)
end
leave_active(asynq .. 'active', left)
redis.call('ZREM', asynq .. 'lease', unpack(left))
for _, i in ipairs(accepted) do
  if i <= of.plain then
    moves.gone[#moves.gone + 1] = of.keys[i]
  else
    end_task(moves, of.keys[i], rows[i], of.place[i])
  end
end
apply(asynq, tc, moves)
count(asynq, counted, moves.failed)
return table.concat(codes)
