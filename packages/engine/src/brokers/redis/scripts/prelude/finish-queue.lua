-- Finishes attempts of one queue. A plain finish deletes a task that has neither retention nor a unique lock.
-- ARGV has `counts`; a `token_run` for each token of the plain finishes; their IDs; and a `finish` (prelude `finish-mixed`) for each of
-- the others.
-- RECORD counts: plain: number of plain finishes; others: number of others; tokens: number of tokens of the plain ones
-- RECORD token_run: token; length: how many of the IDs it covers

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

-- Parses the arguments from `counts` on: IDs, tokens as texts, indexes in ARGV where the finishes of the others begin, number of
-- plain ones, and the index after the last value.
local function finishes_at(counts)
  local plain, others, token_count = tonumber(ARGV[counts].plain), tonumber(ARGV[counts].others), tonumber(ARGV[counts].tokens)
  local tokens, arg_index, n = {}, {}, 0
  local first_run = counts + SIZE.counts
  local first_id = first_run + SIZE.token_run * token_count
  for token_run = first_run, first_id - 1, SIZE.token_run do
    local token, last = ARGV[token_run].token, n + ARGV[token_run].length
    for i = n + 1, last do
      tokens[i] = token
    end
    n = last
  end
  local finish = first_id + plain
  local ids = { unpack(ARGV, first_id, finish - 1) }
  for i = plain + 1, plain + others do
    ids[i], tokens[i], arg_index[i] = ARGV[finish].id, ARGV[finish].token, finish
    finish = finish + SIZE.finish
  end
  return ids, tokens, arg_index, plain, finish
end

-- Returns the reply codes (done, refused: the lease is lost, or wrong type) and the index after the last value. Checks
-- everything before the first write: an error in the middle of a script would leave a task in no list.
local function finish_queue(pending, counts)
  local asynq, tc = key_prefixes(pending)
  local ids, tokens, arg_index, plain, next_index = finishes_at(counts)
  local n = #ids
  local active, lease = asynq .. 'active', asynq .. 'lease'
  local wrong_key = find_wrong_type(active, 'list')
  if not wrong_key and n > plain then
    wrong_key = find_wrong_type(
      asynq .. 'completed', 'zset', asynq .. 'retry', 'zset', asynq .. 'scheduled', 'zset', asynq .. 'archived', 'zset',
      tc .. 'due', 'zset', pending, 'list'
    )
  end
  local flags, all_held
  if not wrong_key then
    flags, all_held = held_flags(lease, ids, tokens)
  end
  if not flags then
    return string.rep(CODE.wrong_type, n), next_index
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
    remove_tasks(keys)
    count(asynq, n, 0)
    if has_runs(tc) then
      end_runs(tc, ids, {})
    end
    return string.rep(CODE.done, n), next_index
  end
  local batch = { ids = ids, keys = keys, arg_index = arg_index, flags = flags, plain = plain, all = all }
  return finish_mixed(asynq, tc, batch), next_index
end
