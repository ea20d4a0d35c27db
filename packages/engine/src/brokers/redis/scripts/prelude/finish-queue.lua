-- Finishes attempts of one queue; ARGV from p as the prelude `finish` has it.

-- The call's IDs and, for each, its token as text and where its values begin; how many are plain, and what follows.
local function finishes_at(p)
  local plain, others, groups = tonumber(ARGV[p]), tonumber(ARGV[p + 1]), tonumber(ARGV[p + 2])
  local tokens, place, n = {}, {}, 0
  p = p + 3
  for g = p, p + 2 * groups - 1, 2 do
    local token, last = ARGV[g], n + ARGV[g + 1]
    for i = n + 1, last do
      tokens[i] = token
    end
    n = last
  end
  p = p + 2 * groups
  local ids = { unpack(ARGV, p, p + plain - 1) }
  p = p + plain
  for i = plain + 1, plain + others do
    ids[i], tokens[i], place[i] = ARGV[p], ARGV[p + 1], p
    p = p + WIDTH
  end
  return ids, tokens, place, plain, p
end

-- Returns the codes (1 accepted, 0 the lease has gone, x the queue's keys cannot be used) and what follows p.
-- Everything is checked before the first write (protocol D16).
local function finish_queue(pending, p)
  local asynq, tc = names_of(pending)
  local ids, tokens, place, plain
  ids, tokens, place, plain, p = finishes_at(p)
  local n = #ids
  local active, lease = asynq .. 'active', asynq .. 'lease'
  local bad = misfit(active, 'list')
  if not bad and n > plain then
    bad = misfit(
      asynq .. 'completed', 'zset', asynq .. 'retry', 'zset', asynq .. 'archived', 'zset',
      tc .. 'due', 'zset', pending, 'list'
    )
  end
  local flags, all_held
  if not bad then
    flags, all_held = held(lease, ids, tokens)
  end
  if not flags then
    return string.rep('x', n), p
  end

  local prefix, keys = asynq .. 't:', {}
  for i = 1, n do
    keys[i] = prefix .. ids[i]
  end
  local all = plain > 0 and redis.call('EXISTS', unpack(keys, 1, plain)) == plain
  -- Most often all are successes and still ours.
  if all and all_held and n == plain then
    leave_active(active, ids)
    redis.call('ZREM', lease, unpack(ids))
    redis.call('DEL', unpack(keys))
    count(asynq, n, 0)
    return string.rep('1', n), p
  end

  -- Where our lease stands for a task that is no more, the lease goes, too.
  local moves, left, codes, rows = new_moves(), {}, {}, {}
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
