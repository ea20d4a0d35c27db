-- @use time names
-- fire-page: reads a page of the history of one queue, the latest logical time first.
-- KEYS   pending: names the queue
-- ARGV   now; before_ms: lines before this logical time; before_line: with this time also lines before this one, '' = none; from_ms: none before
--        this time; limit
-- TOUCHES fl, sl:*, fires:*, sch
-- RETURN now; per place in the history: logical time, line, name, text, head of its schedule (text or head nil = it is gone)
-- BOUND  500 lines
local _, tc = key_prefixes(KEYS.pending)
local history = tc .. 'fl'

-- The place of the first line, counted from the newest. Lines with one logical time are in the order of their numbers.
local function first_place()
  local place = redis.call('ZCOUNT', history, ARGV.before_ms, '+inf')
  if ARGV.before_line == '' then
    return place
  end
  local newest = redis.call('ZCOUNT', history, '(' .. ARGV.before_ms, '+inf')
  local low, high = newest, place
  while low < high do
    local middle = math.floor((low + high) / 2)
    local member = redis.call('ZRANGE', history, middle, middle, 'REV')[1] or ''
    if tonumber(string.match(member, '^%d+') or 0) < tonumber(ARGV.before_line) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

local first = first_place()
local found = redis.call('ZRANGE', history, first, first + ARGV.limit - 1, 'REV', 'WITHSCORES')
local rows, heads, last_lines = {}, {}, {}
for i = 1, #found, 2 do
  local line, number, name = string.match(found[i], '^(%d+):(%d+):(.*)$')
  local fire_ms = found[i + 1]
  if tonumber(fire_ms) < tonumber(ARGV.from_ms) then
    break
  end
  if line and heads[name] == nil then
    heads[name] = redis.call('HGET', tc .. 'sch', name) or false
    last_lines[name] = redis.pcall('HGET', tc .. 'sl:' .. name, 'lines')
  end
  local last = line and type(last_lines[name]) == 'string' and tonumber(last_lines[name])
  local text = last and last >= tonumber(number) and redis.pcall('LINDEX', tc .. 'fires:' .. name, int_text(last - number))
  rows[#rows + 1] = { fire_ms, line or '0', name or '', type(text) == 'string' and text or false, heads[name] or false }
end
return { int_text(now), rows }
