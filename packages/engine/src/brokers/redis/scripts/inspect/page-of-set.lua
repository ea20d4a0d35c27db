-- @use time names record businesses
-- page-of-set: a page of the tasks of a state whose index is a sorted set, lowest score first.
-- KEYS   pending: names the queue
-- ARGV   now; set: scheduled, retry, archived, completed, cancelled or g:<group>; limit; after_score: of the last entry of the
--        previous page, '' = from the start; after_id; business_count: 0 = tasks of all; businesses...: names
-- TOUCHES scheduled, retry, archived, completed, st:cancelled, g:*, t:*
-- RETURN total, whether there are more (1/0), score and ID of the last entry, rows as `task` returns them, entries looked
--        at, now
-- BOUND  500 tasks, 1 MiB of messages, 4 MiB in all, 2,000 entries scanned
local asynq, tc = key_prefixes(KEYS.pending)
local name, limit = ARGV.set, tonumber(ARGV.limit)
local marks = tc .. 'st:cancelled'
local set = name == 'cancelled' and marks or asynq .. name
if find_wrong_type(set, 'zset', marks, 'zset') then
  return { 0, 0, '', '', {}, 0, now }
end

-- Compares by bytes, as the set orders members of equal score; Lua's `<` depends on the locale.
local function is_before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end

-- The rank after an entry. If the entry has left the set: the rank where it would be, found by binary search.
local function rank_after(score, id)
  if redis.call('ZSCORE', set, id) == score then
    return redis.call('ZRANK', set, id) + 1
  end
  local low = redis.call('ZCOUNT', set, '-inf', '(' .. score)
  local high = low + redis.call('ZCOUNT', set, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_before(id, redis.call('ZRANGE', set, middle, middle)[1]) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

local size = redis.call('ZCARD', set)
local rank = ARGV.after_score == '' and 0 or rank_after(ARGV.after_score, ARGV.after_id)
local first_rank = rank
local rows, fits, score, id = {}, new_page_room(), ARGV.after_score, ARGV.after_id
local businesses = read_businesses(INDEX.businesses, ARGV.business_count)
local step = businesses and MAX_SCANNED or limit
local stop = math.min(size, rank + MAX_SCANNED)
while rank < stop and #rows < limit do
  local found = redis.call('ZRANGE', set, rank, math.min(stop, rank + step) - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    local hidden = not is_of(found[i], businesses) or name == 'completed' and redis.call('ZSCORE', marks, found[i])
    local row = not hidden and record_of(asynq, found[i])
    if row and name == 'cancelled' and row.own_state ~= 'cancelled' then
      row = nil
    end
    if row then
      if #rows == limit or not fits(row) then
        stop = rank
        break
      end
      rows[#rows + 1] = row
    end
    rank, id, score = rank + 1, found[i], found[i + 1]
  end
end
local total = size
if name == 'completed' then
  total = math.max(0, size - redis.call('ZCARD', marks))
end
return { total, rank < size and 1 or 0, score, id, rows, rank - first_rank, now }
