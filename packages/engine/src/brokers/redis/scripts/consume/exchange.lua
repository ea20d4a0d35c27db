#!lua flags=allow-oom
-- @use time names receipt counters leases finish_mixed(bytes history archive finish finish-mixed) finish-queue lease-tasks fetch
-- exchange: finishes attempts and takes tasks, over several queues of one node, in the caller's order.
-- KEYS   1 receipt; then pending of each queue with finishes; then pending of each queue to take from
-- ARGV   1 now; 2 slot; 3 sequence; 4 number of queues with finishes; 5 room: tasks to take; 6 length of the leases in ms;
--        7 worker; 8 shares: how many tasks each queue to take from may give first, with commas, '' = none; 9 number of
--        queues to take from; then per queue with finishes the values that the prelude `finish-queue` describes
-- RETURN reply codes of the finishes, one text for all queues; then per queue that had something: its index among the queues
--        to take from (from 0), token, flat list of rows (prelude `leases`), IDs without a task, key of a wrong type or ''.
--        `!stale`: a late duplicate
-- BOUND  256 finishes and 256 tasks, 512 KiB of messages each
local finish_queues = tonumber(ARGV[4])
local length_ms = tonumber(ARGV[6])

-- The answer of an earlier run of this call, from its receipt. The receipt has the IDs taken; their rows are read again.
local function repeat_reply(kept)
  local earlier = cmsgpack.unpack(kept)
  local reply = { earlier[1] }
  for i = 2, #earlier do
    local position, token, ids, dropped, wrong_key = unpack(earlier[i])
    local rows = #ids > 0 and fetch_again(KEYS[2 + finish_queues + position], token, ids, length_ms) or {}
    reply[i] = { position, token, rows, dropped, wrong_key }
  end
  return reply
end

local kept, stale = receipt_of(KEYS[1], ARGV[2], ARGV[3])
if kept or stale then
  return kept and repeat_reply(kept) or STALE
end

local codes, p = {}, 10
for i = 1, finish_queues do
  codes[i], p = finish_queue(KEYS[1 + i], p)
end
local finished = table.concat(codes)

local options = { room = 0, bytes = 0, length_ms = length_ms, worker = ARGV[7] }
local reply, receipt = { finished }, { finished }
local room, is_blocked = tonumber(ARGV[5]), {}

-- Takes up to `limit` tasks from the queue KEYS[i].
local function take_from(i, limit)
  local requested = math.min(limit, room)
  options.room = requested
  if requested <= 0 or is_blocked[i] then
    return
  end
  local token, ids, rows, dropped, wrong_key = fetch(KEYS[i], options)
  if not token then
    return
  end
  local position = i - 2 - finish_queues
  reply[#reply + 1] = { position, token, rows, dropped, wrong_key }
  receipt[#receipt + 1] = { position, token, ids, dropped, wrong_key }
  room = room - #ids
  if wrong_key ~= '' then
    is_blocked[i] = true
  elseif #ids < requested and options.room == 0 then
    -- The messages have reached the limit of bytes.
    room = 0
  end
end

-- First each queue's share, then what is still free to the queues in order.
local key_index = 2 + finish_queues
for share in string.gmatch(ARGV[8], '%d+') do
  take_from(key_index, tonumber(share))
  key_index = key_index + 1
end
for i = 2 + finish_queues, 1 + finish_queues + tonumber(ARGV[9]) do
  if room <= 0 then
    break
  end
  take_from(i, room)
end
-- A call that did nothing can simply run again: it needs no receipt.
if #finished > 0 or #reply > 1 then
  keep_receipt(KEYS[1], ARGV[2], ARGV[3], cmsgpack.pack(receipt))
end
return reply
