-- @use time names record businesses
-- page-of-list: a page of the pending or the active tasks, from the right end of their list, where the oldest are.
-- KEYS   pending
-- ARGV   now; state: pending or active; limit; passed: entries to the right of the page, when the previous one was read;
--        business_count: 0 = tasks of all; businesses...: names, then the last IDs of the previous page, newest first
-- TOUCHES active, lease, t:*
-- RETURN total, whether there are more (1/0), entries up to the end of the page, last IDs for the next page, rows as `task` returns
--        them, entries looked at, now
-- BOUND  500 tasks, 2,000 entries, 1 MiB of messages, 4 MiB in all; an ID of the previous page is searched among 1,000,000
local MAX_SEARCHED, NEAR = 1000000, 1000
local CURSOR_IDS = 3
local asynq = key_prefixes(KEYS.pending)
local list = asynq .. ARGV.state
if find_wrong_type(list, 'list') then
  return { 0, 0, 0, {}, {}, 0, now }
end
local total, skip = redis.call('LLEN', list), 0
local businesses, first_after = read_businesses(INDEX.businesses, ARGV.business_count)
local passed = tonumber(ARGV.passed)

-- The IDs near the place where the previous page ended, each with the number of entries up to it, from the right. A search from
-- the end costs more with each page; most often nothing has moved far.
local function read_near()
  local right = math.max(0, passed - NEAR)
  local ids, places = redis.call('LRANGE', list, -(passed + NEAR), -(right + 1)), {}
  for i = 1, #ids do
    places[ids[i]] = right + #ids - i + 1
  end
  return places
end

local function search_from_end(id)
  local index = redis.call('LPOS', list, id, 'RANK', -1, 'MAXLEN', math.min(MAX_SEARCHED, passed + NEAR))
  return index and total - index
end

-- Tasks leave the list at its right end. If all IDs of the previous page have left, so has everything to the right of them,
-- and the page begins at the end.
local near = first_after <= #ARGV and read_near()
for i = first_after, #ARGV do
  local place = near[ARGV[i]] or search_from_end(ARGV[i])
  if place then
    skip = place
    break
  end
end
local limit = tonumber(ARGV.limit)
local ids = redis.call('LRANGE', list, -(skip + (businesses and MAX_SCANNED or limit)), -(skip + 1))
local rows, last, seen, fits = {}, {}, 0, new_page_room()
for i = #ids, 1, -1 do
  local row = is_of(ids[i], businesses) and record_of(asynq, ids[i])
  if row then
    if #rows == limit or not fits(row) then
      break
    end
    rows[#rows + 1] = row
  end
  seen = seen + 1
  table.insert(last, 1, ids[i])
  last[CURSOR_IDS + 1] = nil
end
return { total, skip + seen < total and 1 or 0, skip + seen, last, rows, seen, now }
