#!lua flags=allow-oom
-- @use time names totals counters bytes remove archive moves move run-ends after-finish failed-set
-- group-fail: a set was not aggregated. Its tasks stay in it for a pause; then `group-reclaim` puts them back. It needs no receipt: a
-- set counts once.
-- KEYS   pending; set
-- ARGV   now; set_id; pause_s: the pause of a set that does not count, '' = it counts; error: of a task that is archived
-- TOUCHES archived, aggregation_sets, odd, n, watch, sch, next, failing, sl:*, fires:*, t:*, unique:*, processed, processed:*, failed, failed:*
-- RETURN the pause in s; a: its only task was archived; l: its time was over; `!<key>`: this key has a wrong type
-- BOUND  1,000 tasks
local asynq, tc = key_prefixes(KEYS.pending)
local set, sets, archived = KEYS.set, asynq .. 'aggregation_sets', asynq .. 'archived'
local wrong_key = find_wrong_type(sets, 'zset', set, 'zset', archived, 'zset')
if wrong_key then
  return '!' .. wrong_key
end
local until_s = tonumber(redis.call('ZSCORE', sets, set) or '') or 0
if until_s <= now_s then
  return CODE.set_lost
end
local ids, moves, longest_s = redis.call('ZRANGE', set, 0, -1), new_moves(), tonumber(ARGV.pause_s) or 0
local _, _, counted = set_tries_of(asynq .. 't:' .. (ids[1] or ''))
if counted == ARGV.set_id then
  return int_text(until_s - now_s)
end
for _, id in ipairs(ids) do
  local key = asynq .. 't:' .. id
  if ARGV.pause_s ~= '' then
    local tries, max_size = set_tries_of(key)
    if redis.pcall('HEXISTS', key, FIELD.message) == 1 then
      redis.call('HSET', key, FIELD.set_tries, table.concat({ tries, max_size, ARGV.set_id }, ';'))
    end
  else
    local is_last, pause_s = count_failed_try(key, ARGV.set_id, #ids)
    longest_s = math.max(longest_s, pause_s)
    if is_last then
      archive_member(moves, key, id, ARGV.error)
    end
  end
end
if #moves.archived > 0 then
  apply_moves(asynq, tc, moves)
  after_finish(asynq, tc, moves)
  redis.call('DEL', set)
  redis.call('ZREM', sets, set)
  return 'a'
end
redis.call('ZADD', sets, 'XX', now_s + longest_s, set)
return int_text(longest_s)
