-- @use time names
-- queue-facts: counters, sizes and settings of queues.
-- KEYS   pending_lists...
-- ARGV   now; queues: their number
-- TOUCHES active, scheduled, retry, archived, completed, st:cancelled, groups, g:*, aggregation_sets, paused, cfg, odd, n, t:*, processed, failed
-- RETURN per queue 0 = nothing is known of it, or: sizes of pending, active, scheduled, retry, completed, cancelled (among completed,
--        too), archived; paused (1/0); pause reason or nil; pending_since of the next to run or nil; processed; failed; now;
--        tasks in groups; groups; anomalies: IDs dropped, tasks archived, keys renamed; when the oldest
--        task in a group or set joined, s, or nil; names and values of the counters in `n`
-- BOUND  128 queues; 1,000 groups and 1,000 sets each, about 4,000 in all; the number of tasks in further ones is estimated
local MAX_GROUPS, MIN_GROUPS = 1000, 16
-- Groups and sets that this call may still look at. Some of each queue are always looked at.
local groups_left = 4000

-- The reply of a command, or false if its key has a wrong type.
local function read(...)
  local found = redis.pcall(...)
  return type(found) ~= 'table' and found or false
end

local oldest_s
-- The number of members of these sorted sets, of `all` such sets if there are more; notes when the oldest one joined.
local function count_members(keys, all)
  local sum = 0
  groups_left = groups_left - #keys
  for i = 1, #keys do
    sum = sum + (read('ZCARD', keys[i]) or 0)
    local first = redis.pcall('ZRANGE', keys[i], 0, 0, 'WITHSCORES')
    local joined_s = tonumber(first[2])
    oldest_s = joined_s and math.min(oldest_s or joined_s, joined_s) or oldest_s
  end
  return #keys > 0 and math.floor(sum * all / #keys) or 0
end

-- The numbers of tasks in groups and sets, and of groups. Most queues have none, and cost no more than to see that.
local function count_aggregating(asynq)
  local groups = read('SCARD', asynq .. 'groups') or 0
  local all_sets = read('ZCARD', asynq .. 'aggregation_sets') or 0
  if groups + all_sets == 0 then
    return 0, 0
  end
  local max = math.max(MIN_GROUPS, math.min(MAX_GROUPS, groups_left))
  local names = redis.pcall('SRANDMEMBER', asynq .. 'groups', max)
  local sets = redis.pcall('ZRANGE', asynq .. 'aggregation_sets', 0, max - 1)
  local keys = {}
  for i = 1, #names do
    keys[i] = asynq .. 'g:' .. names[i]
  end
  return count_members(keys, groups) + count_members(sets.err and {} or sets, all_sets), groups
end

local function facts_of(pending)
  local asynq, tc = key_prefixes(pending)
  local anomalies = redis.pcall('HMGET', tc .. 'odd', 'dropped', 'archived', 'aside')
  local totals = redis.pcall('HGETALL', tc .. 'n')
  local size = read('LLEN', pending) or 0
  local next_id = size > 0 and read('LINDEX', pending, -1)
  local paused = redis.call('EXISTS', asynq .. 'paused')
  oldest_s = nil
  local aggregating, groups = count_aggregating(asynq)
  return {
    size,
    read('LLEN', asynq .. 'active') or 0,
    read('ZCARD', asynq .. 'scheduled') or 0,
    read('ZCARD', asynq .. 'retry') or 0,
    read('ZCARD', asynq .. 'completed') or 0,
    read('ZCARD', tc .. 'st:cancelled') or 0,
    read('ZCARD', asynq .. 'archived') or 0,
    paused,
    paused == 1 and read('HGET', tc .. 'cfg', 'pause_reason'),
    next_id and read('HGET', asynq .. 't:' .. next_id, FIELD.pending_since),
    read('GET', asynq .. 'processed') or '0',
    read('GET', asynq .. 'failed') or '0',
    int_text(now),
    aggregating,
    groups,
    anomalies.err and {} or anomalies,
    oldest_s and int_text(oldest_s) or false,
    totals.err and {} or totals,
  }
end

-- Whether anything is known of the queue. Of the two stored queues of a logical one often only one is used.
local function is_known(pending)
  local asynq, tc = key_prefixes(pending)
  return redis.call(
    'EXISTS', pending, asynq .. 'active', asynq .. 'scheduled', asynq .. 'retry', asynq .. 'completed', asynq .. 'archived',
    asynq .. 'groups', asynq .. 'aggregation_sets', asynq .. 'paused', asynq .. 'processed', tc .. 'odd', tc .. 'n'
  ) > 0
end

local reply, first = {}, INDEX.pending_lists
for i = first, first + ARGV.queues - 1 do
  reply[#reply + 1] = is_known(KEYS[i]) and facts_of(KEYS[i]) or 0
end
return reply
