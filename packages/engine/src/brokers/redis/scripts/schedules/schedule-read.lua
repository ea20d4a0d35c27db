-- @use time names schedules
-- schedule-read: reads schedules of one queue whole.
-- KEYS   pending: names the queue
-- ARGV   now; names...
-- TOUCHES sch, next, failing, sl:*
-- RETURN now; per name that was read, in order, a row (prelude `schedules`), its name alone: it is damaged, or nil: there is none
-- BOUND  128 schedules; ends early, though not before the first one, at 512 KiB
local MAX_BYTES = 524288
local _, tc = key_prefixes(KEYS.pending)
local rows, bytes = {}, 0
read_schedules(tc, { unpack(ARGV, INDEX.names) }, function(row, name, head)
  bytes = bytes + (row and #row[1] + #row[3] or 0)
  rows[#rows + 1] = row or head and name ~= '' and { name } or false
  return bytes <= MAX_BYTES
end)
return { int_text(now), rows }
