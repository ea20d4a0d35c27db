#!lua flags=allow-oom
-- @use time names remove archive
-- expire: removes completed and cancelled tasks of one queue whose retention is over, and archived ones beyond the archive's
-- limits.
-- KEYS   pending: names the queue
-- ARGV   now; limit
-- TOUCHES archived, completed, st:cancelled, t:*
-- RETURN number removed; or `!<key>`: this key has a wrong type
-- BOUND  256 tasks, and 256 of the archive
local SAMPLE = 64
local asynq, tc = key_prefixes(KEYS.pending)
local completed, cancelled = asynq .. 'completed', tc .. 'st:cancelled'
local limit = tonumber(ARGV.limit)
local wrong_key = find_wrong_type(completed, 'zset', cancelled, 'zset', asynq .. 'archived', 'zset')
if wrong_key then
  return '!' .. wrong_key
end

-- A Go tool may remove or run a cancelled task, but does not know `st:cancelled`. Removes marks whose score differs from
-- that in `completed`, a random sample in each call.
local function remove_stale_marks()
  local marks = redis.call('ZRANDMEMBER', cancelled, SAMPLE, 'WITHSCORES')
  local ids, stale = {}, {}
  for i = 1, #marks, 2 do
    ids[#ids + 1] = marks[i]
  end
  local scores = #ids > 0 and redis.call('ZMSCORE', completed, unpack(ids)) or {}
  for i, id in ipairs(ids) do
    if scores[i] ~= marks[2 * i] then
      stale[#stale + 1] = id
    end
  end
  if #stale > 0 then
    redis.call('ZREM', cancelled, unpack(stale))
  end
end

local ids = redis.call('ZRANGE', completed, '-inf', now_s, 'BYSCORE', 'LIMIT', 0, limit)
if #ids > 0 then
  remove_found(asynq, ids, 'completed')
  redis.call('ZREM', completed, unpack(ids))
  redis.call('ZREM', cancelled, unpack(ids))
end
remove_stale_marks()
return #ids + trim_archive(asynq, 0, limit)
