#!lua flags=allow-oom
-- @use time names receipt counters leases finish_mixed(bytes history archive finish finish-mixed) finish-queue hold fetch
-- exchange: finishes attempts and takes tasks, over several queues in the caller's order, of one node.
-- KEYS   1 receipt; then pending of each queue with finishes; then pending of each queue to take from
-- ARGV   1 now; 2 slot; 3 sequence; 4 number of queues with finishes; 5 room; 6 length of the leases in ms;
--        7 worker; 8 shares of the queues to take from, with commas, '' = none; 9 number of queues to take from; then per queue with finishes what the prelude `finish-queue` says
-- RETURN codes of the finishes, one text for all queues; then per queue that had something: its place among the
--        queues to take from (from 0), token, rows as the prelude `fetch` has them, IDs that nobody can read, key of a
--        wrong type or ''. `!stale`: a late duplicate
-- BOUND  256 finishes and 256 tasks, 512 KiB of messages each
local finishing = tonumber(ARGV[4])
local length_ms = tonumber(ARGV[6])

local function repeated(kept)
  local past = cmsgpack.unpack(kept)
  local reply = { past[1] }
  for i = 2, #past do
    local at, token, ids, dropped, bad = unpack(past[i])
    local rows = #ids > 0 and fetch_again(KEYS[2 + finishing + at], token, ids, length_ms) or {}
    reply[i] = { at, token, rows, dropped, bad }
  end
  return reply
end

local kept, stale = receipt_of(KEYS[1], ARGV[2], ARGV[3])
if kept or stale then
  return kept and repeated(kept) or STALE
end

local codes, p = {}, 10
for i = 1, finishing do
  codes[i], p = finish_queue(KEYS[1 + i], p)
end
local finished = table.concat(codes)

local how = { room = 0, bytes = 0, length_ms = length_ms, worker = ARGV[7] }
local reply, memory = { finished }, { finished }
local left, dry = tonumber(ARGV[5]), {}

local function take(i, most)
  local wanted = math.min(most, left)
  how.room = wanted
  if wanted <= 0 or dry[i] then
    return
  end
  local token, ids, rows, dropped, bad = fetch(KEYS[i], how)
  if not token then
    return
  end
  local at = i - 2 - finishing
  reply[#reply + 1] = { at, token, rows, dropped, bad }
  memory[#memory + 1] = { at, token, ids, dropped, bad }
  left = left - #ids
  if bad ~= '' then
    dry[i] = true
  elseif #ids < wanted and how.room == 0 then
    -- The call has no bytes left.
    left = 0
  end
end

local at_first = 2 + finishing
for share in string.gmatch(ARGV[8], '%d+') do
  take(at_first, tonumber(share))
  at_first = at_first + 1
end
for i = 2 + finishing, 1 + finishing + tonumber(ARGV[9]) do
  if left <= 0 then
    break
  end
  take(i, left)
end
-- A call that did nothing may be made again as it is.
if #finished > 0 or #reply > 1 then
  keep_receipt(KEYS[1], ARGV[2], ARGV[3], cmsgpack.pack(memory))
end
return reply
