-- @use time names schedules
-- schedule-read: reads schedules of one queue whole.
-- KEYS   pending: names the queue
-- ARGV   now; names...
-- TOUCHES sch, next, sl:*
-- RETURN now; per name that was read, in order, a row (prelude `schedules`) or nil: there is none
-- BOUND  256 schedules; ends early, though not before the first one, at 512 KiB
local MAX_BYTES = 524288
local _, tc = key_prefixes(KEYS.pending)
local rows, bytes = {}, 0
for i = INDEX.names, #ARGV do
  local row = schedule_row(tc, ARGV[i])
  bytes = bytes + (row and #row[1] + #row[3] or 0)
  rows[#rows + 1] = row or false
  if bytes > MAX_BYTES then
    break
  end
end
return { int_text(now), rows }
