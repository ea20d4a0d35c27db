#!lua flags=allow-oom
-- @use time names totals bytes counters remove archive moves move run-ends after-finish doubts key-types
-- repair: repairs the indexes of one queue after crashed or foreign processes: keys of a wrong type, active tasks without a
-- lease, scores that are no times. The janitor calls it; most of it runs at most once in 6 s.
-- KEYS   pending
-- ARGV   now; limit
-- TOUCHES active, lease, scheduled, retry, archived, completed, aggregation_sets, groups, due, st:cancelled,
--        st:cancelling, doubts, tok, scan, cfg, biz, odd, n, sch, names, next, soon, failing, fl, watch, sl:*, fires:*, aside:*, t:*, processed, processed:*, failed, failed:*
-- RETURN number of tasks given to the recoverer, number archived because they would never start, keys renamed
-- BOUND  256 active tasks, 256 entries of each set
local pending = KEYS.pending
local limit = math.min(256, tonumber(ARGV.limit))
local asynq, tc = key_prefixes(pending)
local active, lease, scan, doubts = asynq .. 'active', asynq .. 'lease', tc .. 'scan', tc .. 'doubts'
-- No clock is off by more than a day, and no plan reaches further than a century.
local DAY_S, CENTURY_S = 86400, 3155760000

-- Gives active tasks without a lease to the recoverer: an expired lease makes it take them. Each call checks the next window of
-- the list, from the oldest on; `scan` keeps the offset.
local function recover_unleased()
  local offset = valid_integer(redis.call('HGET', scan, 'active')) or 0
  local ids = redis.call('LRANGE', active, -(offset + limit), -(offset + 1))
  redis.call('HSET', scan, 'active', #ids == limit and offset + limit or 0)
  local leases = #ids > 0 and redis.call('ZMSCORE', lease, unpack(ids)) or {}
  local recovered = 0
  for i, id in ipairs(ids) do
    if leases[i] then
      redis.call('ZREM', doubts, id)
    elseif confirm_missing(doubts, id) then
      redis.call('ZADD', lease, EXPIRED_S, id)
      recovered = recovered + 1
    end
  end
  return recovered
end

-- Scores from `from_s` on cannot be times: such entries get the score `to_s`. Returns how many.
local function reset_scores(name, from_s, to_s)
  local ids = redis.call('ZRANGE', asynq .. name, from_s, '+inf', 'BYSCORE', 'LIMIT', 0, limit)
  for _, id in ipairs(ids) do
    redis.call('ZADD', asynq .. name, to_s, id)
  end
  return #ids
end

-- Archives tasks whose start is no real time, so they would never start. Tasks that wait for something other than a time have the
-- score NEVER_S: they stay.
local function archive_never_due(name)
  local set = asynq .. name
  local ids = redis.call('ZRANGE', set, now_s + CENTURY_S, '(' .. NEVER_S, 'BYSCORE', 'LIMIT', 0, limit)
  for _, id in ipairs(redis.call('ZRANGE', set, '(' .. NEVER_S, '+inf', 'BYSCORE', 'LIMIT', 0, limit - #ids)) do
    ids[#ids + 1] = id
  end
  local moves = new_moves()
  for _, id in ipairs(ids) do
    local key = asynq .. 't:' .. id
    local msg = redis.pcall('HGET', key, FIELD.message)
    if type(msg) == 'string' then
      msg = msg .. error_field('its start is not a valid time') .. FAILED_NOW
      archive(moves, key, id, FIELD.message, msg)
    end
    redis.call('ZREM', set, id)
    redis.call('ZREM', tc .. 'due', id)
  end
  moves.unreadable, moves.dropped = #moves.archived, #ids - #moves.archived
  apply_moves(asynq, tc, moves)
  after_finish(asynq, tc, moves)
  return #moves.archived
end

local renamed = {}
for i, wrong in ipairs(wrong_keys(asynq, tc, today())) do
  rename_key(tc, wrong[1], wrong[2])
  renamed[i] = wrong[1]
end
if not claim_turn(scan, 'repaired') then
  return { 0, 0, renamed }
end
local recovered = recover_unleased() + reset_scores('lease', now_s + DAY_S, EXPIRED_S)
reset_scores('archived', now_s + DAY_S, now_s)
reset_scores('aggregation_sets', now_s + DAY_S, now_s)
reset_scores('completed', now_s + CENTURY_S, now_s + DAY_S)
return { recovered, archive_never_due('scheduled') + archive_never_due('retry'), renamed }
