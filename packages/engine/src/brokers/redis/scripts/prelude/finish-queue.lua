-- Finishes attempts of one queue. ARGV from p: number of plain successes, number of others, number of tokens of plain
-- ones; each of these tokens, and how many of the IDs are its; the IDs of the plain ones; any other: ID, token, verb,
-- attempt's line, whether the message is whole (1) or appended (0), message bytes, then
-- d success without retention, with a unique lock: -, lock, -
-- k success kept, K the same with a result: retention in s, lock ('' = none), result
-- r retry, f failed retry: delay in ms, -, -
-- a failed for good; u the same of a message that nobody can read: -, -, -
-- q given back: -, -, -
local WIDTH = 9

-- Which of the IDs are still held under the token that comes with them: a list of flags, and whether all are; nil where
-- `lease` is no set of leases.
local function held(lease, ids, tokens)
  local scores = redis.pcall('ZMSCORE', lease, unpack(ids))
  if scores.err then
    return nil
  end
  local flags, all = {}, true
  -- What one call has taken has one score.
  local score, token, is
  for i = 1, #ids do
    if scores[i] ~= score or tokens[i] ~= token then
      score, token = scores[i], tokens[i]
      is = score and token_in(tonumber(score)) == tonumber(token) or false
    end
    flags[i] = is
    all = all and is
  end
  return flags, all
end

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
  return finish_mixed(asynq, tc, { ids = ids, keys = keys, place = place, flags = flags, plain = plain, all = all }), p
end
