-- @use time names record businesses
-- page-of-list: a page of the pending or the active tasks, from the right end of their list, where the oldest are.
-- KEYS   pending
-- ARGV   now; state: pending or active; limit; business_count: 0 = tasks of all; businesses...: names, then the last IDs of the
--        previous page, newest first
-- TOUCHES active, lease, t:*
-- RETURN total, whether there are more (1/0), last IDs for the next page, rows as `task` returns them, entries looked at
-- BOUND  500 tasks, 2,000 entries, 1 MiB of messages, 4 MiB in all; an ID of the previous page is searched among 100,000
local MAX_SEARCHED = 100000
local CURSOR_IDS = 3
local asynq = key_prefixes(KEYS.pending)
local list = asynq .. ARGV.state
if find_wrong_type(list, 'list') then
  return { 0, 0, {}, {}, 0 }
end
local total, skip = redis.call('LLEN', list), 0
-- Tasks leave the list at its right end. If all IDs of the previous page have left, so has everything to the right of them,
-- and the page begins at the end.
local businesses, first_after = read_businesses(INDEX.businesses, ARGV.business_count)
for i = first_after, #ARGV do
  local index = redis.call('LPOS', list, ARGV[i], 'RANK', -1, 'MAXLEN', MAX_SEARCHED)
  if index then
    skip = total - index
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
return { total, skip + seen < total and 1 or 0, last, rows, seen }
