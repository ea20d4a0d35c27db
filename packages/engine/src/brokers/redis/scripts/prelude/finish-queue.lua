-- Finishes attempts of one queue. A plain finish deletes a task that has neither retention nor a unique lock.
-- ARGV from p: number of plain finishes, number of others, number of tokens of the plain ones; for each of these tokens
-- the token and how many of the IDs it covers; the IDs of the plain ones; then per other finish: ID, token, code of its end,
-- line for the history, whether the message replaces the stored one (1) or is appended to it (0), message bytes, and three
-- values that depend on the code (`-` = unused). The codes of ends:
-- d done: delete the task and release its lock. -, lock, -
-- k keep a success; K keep it with a result. Retention in s, lock ('' = none), result
-- r retry that does not count as a failure; f retry after a failure. Delay in ms, -, -
-- a archive after a failure; u archive an unreadable message, which counts as an anomaly. -, -, -
-- q requeue: give the task back unfinished, next to run. -, -, -
local VALUES_PER_FINISH = 9

-- Whether each ID's lease still has the token that comes with it: a list of flags, and whether all are held. nil if `lease`
-- has a wrong type.
local function held_flags(lease, ids, tokens)
  local scores = redis.pcall('ZMSCORE', lease, unpack(ids))
  if scores.err then
    return nil
  end
  local flags, all = {}, true
  -- Tasks taken in one call share a score, so its token is decoded once.
  local score, token, is_held
  for i = 1, #ids do
    if scores[i] ~= score or tokens[i] ~= token then
      score, token = scores[i], tokens[i]
      is_held = score and token_in(tonumber(score)) == tonumber(token) or false
    end
    flags[i] = is_held
    all = all and is_held
  end
  return flags, all
end

-- Parses the arguments from p: IDs, tokens as texts, indexes in ARGV where the values of the others begin, number of plain
-- ones, and the index after the last value.
local function finishes_at(p)
  local plain, others, token_count = tonumber(ARGV[p]), tonumber(ARGV[p + 1]), tonumber(ARGV[p + 2])
  local tokens, arg_index, n = {}, {}, 0
  p = p + 3
  for t = p, p + 2 * token_count - 1, 2 do
    local token, last_index = ARGV[t], n + ARGV[t + 1]
    for i = n + 1, last_index do
      tokens[i] = token
    end
    n = last_index
  end
  p = p + 2 * token_count
  local ids = { unpack(ARGV, p, p + plain - 1) }
  p = p + plain
  for i = plain + 1, plain + others do
    ids[i], tokens[i], arg_index[i] = ARGV[p], ARGV[p + 1], p
    p = p + VALUES_PER_FINISH
  end
  return ids, tokens, arg_index, plain, p
end

-- Returns the reply codes (1 accepted, 0 lease lost, x a key has a wrong type) and the index after the last value. Checks
-- everything before the first write: an error in the middle of a script would leave a task in no list.
local function finish_queue(pending, p)
  local asynq, tc = names_of(pending)
  local ids, tokens, arg_index, plain
  ids, tokens, arg_index, plain, p = finishes_at(p)
  local n = #ids
  local active, lease = asynq .. 'active', asynq .. 'lease'
  local wrong_key = find_wrong_type(active, 'list')
  if not wrong_key and n > plain then
    wrong_key = find_wrong_type(
      asynq .. 'completed', 'zset', asynq .. 'retry', 'zset', asynq .. 'archived', 'zset',
      tc .. 'due', 'zset', pending, 'list'
    )
  end
  local flags, all_held
  if not wrong_key then
    flags, all_held = held_flags(lease, ids, tokens)
  end
  if not flags then
    return string.rep('x', n), p
  end

  local prefix, keys = asynq .. 't:', {}
  for i = 1, n do
    keys[i] = prefix .. ids[i]
  end
  local all = plain > 0 and redis.call('EXISTS', unpack(keys, 1, plain)) == plain
  -- The usual case: all are plain and still leased.
  if all and all_held and n == plain then
    remove_active(active, ids)
    redis.call('ZREM', lease, unpack(ids))
    redis.call('DEL', unpack(keys))
    count(asynq, n, 0)
    return string.rep('1', n), p
  end
  return finish_mixed(asynq, tc, { ids = ids, keys = keys, arg_index = arg_index, flags = flags, plain = plain, all = all }), p
end
