-- Finishes attempts of one queue; ARGV from p as the prelude `finish` has it. Returns the codes (1 accepted, 0 the
-- lease has gone, x the queue's keys cannot be used) and what follows p. Everything is checked before the first
-- write (protocol D16).
local function finish_queue(pending, p)
  local asynq, tc = names_of(pending)
  local plain, others = tonumber(ARGV[p]), tonumber(ARGV[p + 1])
  local ids, tokens, place, n = {}, {}, {}, plain + others
  p = p + 2
  for i = 1, n do
    ids[i], tokens[i], place[i] = ARGV[p], ARGV[p + 1], p
    p = p + (i <= plain and 2 or WIDTH)
  end
  local active, lease = asynq .. 'active', asynq .. 'lease'
  local bad = misfit(active, 'list')
  if not bad and others > 0 then
    bad = misfit(
      asynq .. 'completed', 'zset', asynq .. 'retry', 'zset', asynq .. 'archived', 'zset',
      tc .. 'due', 'zset', pending, 'list'
    )
  end
  local flags = not bad and held(lease, ids, tokens)
  if not flags then
    return string.rep('x', n), p
  end

  -- Where our lease stands for a task that is no more, the lease goes, too.
  local moves, left, codes, rows, keys = new_moves(), {}, {}, {}, {}
  for i = 1, n do
    keys[i] = asynq .. 't:' .. ids[i]
  end
  local all = plain > 0 and redis.call('EXISTS', unpack(keys, 1, plain)) == plain
  local accepted, counted = {}, 0
  for i = 1, n do
    codes[i] = '0'
    if flags[i] then
      left[#left + 1] = ids[i]
      local verb = i > plain and ARGV[place[i] + 2]
      local there = not verb and (all or redis.call('EXISTS', keys[i]) == 1)
      if verb then
        rows[i] = redis.pcall('HMGET', keys[i], unpack(FIELDS[verb] or KEEPING))
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
    return table.concat(codes), p
  end
  leave_active(active, left)
  redis.call('ZREM', lease, unpack(left))
  for _, i in ipairs(accepted) do
    if i <= plain then
      moves.gone[#moves.gone + 1] = keys[i]
    else
      end_task(moves, keys[i], rows[i], place[i])
    end
  end
  apply(asynq, tc, moves)
  count(asynq, counted, moves.failed)
  return table.concat(codes), p
end
