#!lua flags=allow-oom
-- @use time names schedules runs
-- schedule-due: hands out schedules of one queue that must be looked at, and hides them for a while.
-- KEYS   pending: names the queue
-- ARGV   now; limit; hide_ms; max_ahead_ms: what was planned longer than this after now is handed out at once
-- TOUCHES sch, next, failing, watch, sl:*, fires:*, t:*
-- RETURN now; next look of the queue in ms, nil = none; per schedule: a row (prelude `schedules`), whether it was planned too far ahead
--        (1/0), per open run '' or `<how it ended>;<when, ms>`
-- BOUND  64 schedules, 512 KiB, 512 open runs; ends early, though not before the first one. 500 that may be planned too far ahead
local MAX_BYTES, MAX_LOOKED_UP, PAGE = 524288, 512, 500
local asynq, tc = key_prefixes(KEYS.pending)
local next_looks = tc .. 'next'
local ahead_ms = now + ARGV.max_ahead_ms

local function next_look()
  return redis.call('ZRANGE', next_looks, 0, 0, 'WITHSCORES')[2] or false
end
if redis.call('EXISTS', next_looks) == 0 then
  return { int_text(now), false, {} }
end

-- The clock was set back. What was planned before that would be left alone until then: it is handed out first. Looks at a page in each call.
local clock, ahead = read_clock(tc), {}
local is_ahead, limit = {}, tonumber(ARGV.limit)
local next_cursor
if clock.planned_ms > ahead_ms then
  local found = redis.call('ZSCAN', next_looks, clock.cursor, 'COUNT', PAGE)
  for i = 1, #found[2], 2 do
    local name = found[2][i]
    if not is_ahead[name] and tonumber(redis.call('HGET', tc .. 'sl:' .. name, 'planned') or 0) > ahead_ms then
      ahead[#ahead + 1], is_ahead[name] = name, true
    end
  end
  next_cursor = found[1]
end

-- What has become of an open run. Records the end of one that nobody saw.
local function look_up(key, no, id)
  local flag = redis.call('HGET', tc .. 'watch', id)
  if not flag or string.match(flag, '^s:(%d+):') ~= no then
    return redis.call('HGET', key, 'e:' .. id) or ENDED.gone .. ';' .. int_text(now)
  end
  local how = end_of(asynq, id)
  if not how then
    return ''
  end
  end_run(tc, id, flag, how)
  return how .. ';' .. int_text(now)
end

local items, bytes, looked_up, handed_out = {}, 0, 0, 0
-- Written with a command each.
local hidden, gone = {}, {}

-- Hands out a schedule. Returns false if the call carries enough without it.
local function hand_out(row, name)
  if not row then
    gone[#gone + 1] = name
    handed_out = handed_out + 1
    return true
  end
  local open, key = {}, tc .. 'sl:' .. name
  for id in string.gmatch(row[7] or '', '[^%z]+') do
    open[#open + 1] = id
  end
  bytes, looked_up = bytes + #row[1] + #row[3], looked_up + #open
  if #items > 0 and (bytes > MAX_BYTES or looked_up > MAX_LOOKED_UP) then
    return false
  end
  for i, id in ipairs(open) do
    open[i] = look_up(key, row[10], id)
  end
  redis.call('HSET', key, 'planned', int_text(now))
  hidden[#hidden + 1], hidden[#hidden + 2] = int_text(now + ARGV.hide_ms), name
  items[#items + 1] = { row, tonumber(row[9] or 0) > ahead_ms and 1 or 0, open }
  handed_out = handed_out + 1
  return true
end

local names = {}
for i = 1, math.min(#ahead, limit) do
  names[i] = ahead[i]
end
for _, name in ipairs(redis.call('ZRANGE', next_looks, '-inf', int_text(now), 'BYSCORE', 'LIMIT', 0, limit)) do
  if #names < limit and not is_ahead[name] then
    names[#names + 1] = name
  end
end
read_schedules(tc, names, hand_out)
if #hidden > 0 then
  redis.call('ZADD', next_looks, unpack(hidden))
end
if #gone > 0 then
  redis.call('ZREM', next_looks, unpack(gone))
end
if next_cursor and handed_out >= #ahead then
  clock.cursor = next_cursor
  clock.planned_ms = next_cursor == '0' and now or clock.planned_ms
end
if #items > 0 or next_cursor then
  -- An end that was found out has written the clock, too.
  local written = read_clock(tc)
  written.planned_ms, written.cursor = clock.planned_ms, clock.cursor
  write_clock(tc, written)
end
return { int_text(now), next_look(), items }
