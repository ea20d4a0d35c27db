#!lua flags=allow-oom
-- @use time names totals counters bytes remove archive moves move run-ends after-finish failed-set
-- group-reclaim: puts the tasks of sets whose deadline has passed back into their groups. A set that was not counted by `group-fail`
-- is a failed try: its aggregator is gone.
-- KEYS   pending: names the queue
-- ARGV   now; limit
-- TOUCHES groups, g:*, aggregation_sets, archived, odd, n, aside:*, watch, sch, next, failing, sl:*, fires:*, t:*,
--        unique:*, processed, processed:*, failed, failed:*
-- RETURN number of tasks that went back, or `!<key>`: this key has a wrong type
-- BOUND  256 tasks, 256 sets; a larger set goes back in several calls
local asynq, tc = key_prefixes(KEYS.pending)
local groups, sets, prefix = asynq .. 'groups', asynq .. 'aggregation_sets', asynq .. 'g:'
local wrong_key = find_wrong_type(groups, 'set', sets, 'zset', asynq .. 'archived', 'zset')
if wrong_key then
  return '!' .. wrong_key
end
local limit, moved, moves = tonumber(ARGV.limit), 0, new_moves()
local MAX_SET_TASKS, LOST = 1000, 'aggregation: the worker was lost with it again and again'

-- The group in a set's key, `…g:<group>:<set ID>`: everything between the prefix and the last colon; then the ID. nil for other keys.
local function group_of(set)
  if string.sub(set, 1, #prefix) ~= prefix then
    return nil
  end
  return string.match(string.sub(set, #prefix + 1), '^(.*):([^:]*)$')
end

for _, set in ipairs(redis.call('ZRANGE', sets, '-inf', now_s, 'BYSCORE', 'LIMIT', 0, limit)) do
  if moved >= limit then
    break
  end
  local group, set_id = group_of(set)
  local key = group and prefix .. group
  if key and find_wrong_type(key, 'zset') then
    rename_key(tc, key, 'g:' .. group)
  end
  if not group or find_wrong_type(set, 'zset') then
    -- There is nothing to put back.
    redis.call('ZREM', sets, set)
  else
    local found = redis.call('ZRANGE', set, 0, limit - moved - 1, 'WITHSCORES')
    for i = 1, #found, 2 do
      local task = asynq .. 't:' .. found[i]
      -- A part of a large set may be back already: its size is what it may be at most.
      local _, max_size = set_tries_of(task)
      if count_failed_try(task, set_id, max_size > 0 and max_size or MAX_SET_TASKS) then
        archive_member(moves, task, found[i], LOST)
      else
        redis.call('ZADD', key, found[i + 1], found[i])
      end
    end
    if #found > 0 then
      redis.call('ZREMRANGEBYRANK', set, 0, #found / 2 - 1)
    end
    if redis.call('EXISTS', key) == 1 then
      -- Aggregators see only groups that `groups` names. Asynq forgets this here.
      redis.call('SADD', groups, group)
    end
    moved = moved + #found / 2
    if redis.call('EXISTS', set) == 0 then
      redis.call('ZREM', sets, set)
    end
  end
end
apply_moves(asynq, tc, moves)
after_finish(asynq, tc, moves)
return moved
