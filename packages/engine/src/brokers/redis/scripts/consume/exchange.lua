#!lua flags=allow-oom
-- @use time names totals receipt counters leases remove moves move run-ends finish-mixed finish-queue lease-tasks cancel-found left-to-others fetch
-- exchange: finishes attempts and takes tasks, over several queues of one node, in the caller's order.
-- KEYS   receipt; pending_lists...: of the queues with finishes, then of the queues to take from
-- ARGV   now; slot; sequence; finish_queues: number of queues with finishes; room: tasks to take; lease_ms: length of the leases;
--        worker; shares: tasks to take of each queue in the first round, separated by commas, '' = no first round;
--        fetch_queues: number of queues to take from; leave: how messages of types begin that are left to others, each as
--        `<length>:<bytes>`; leave_ms: for how long, from the time when a task became pending; finishes...: per queue, as the prelude `finish-queue` describes
-- TOUCHES active, lease, scheduled, retry, archived, completed, due, st:cancelled, st:cancelling, tok, paused, odd, n, aside:*,
--        watch, sch, next, failing, sl:*, fires:*, t:*, unique:*, processed, processed:*, failed, failed:*
-- RETURN reply codes of the finishes, one text for all queues; then per take (a queue may appear twice): the queue's
--        position among those to take from (from 0), token, flat list of rows (prelude `leases`), IDs without a task,
--        key of a wrong type or '', number of tasks left to others. `!stale`: a late duplicate
-- BOUND  256 finishes and 256 tasks, 512 KiB of messages each
local length_ms = tonumber(ARGV.lease_ms)
-- Indexes in KEYS of the first queue to take from, and behind the last one.
local first_fetch = INDEX.pending_lists + ARGV.finish_queues
local end_fetch = first_fetch + ARGV.fetch_queues

-- The answer of an earlier run of this call, from its receipt. The receipt has the IDs taken; their rows are read again.
local function repeat_reply(kept)
  local earlier = cmsgpack.unpack(kept)
  local reply = { earlier[1] }
  for i = 2, #earlier do
    local position, token, ids, dropped, wrong_key = unpack(earlier[i])
    local rows = #ids > 0 and fetch_again(KEYS[first_fetch + position], token, ids, length_ms) or {}
    reply[i] = { position, token, rows, dropped, wrong_key, 0 }
  end
  return reply
end

local kept, stale = read_receipt()
if kept or stale then
  return kept and repeat_reply(kept) or STALE
end

local codes, next_index = {}, INDEX.finishes
for i = INDEX.pending_lists, first_fetch - 1 do
  codes[#codes + 1], next_index = finish_queue(KEYS[i], next_index)
end
local finished = table.concat(codes)

-- What one fetch may take. `fetch` sets `room` to 0 when the messages reach the limit of bytes.
local budget = { room = 0, bytes = 0, length_ms = length_ms, worker = ARGV.worker }
if ARGV.leave ~= '' then
  budget.leave, budget.leave_ms = length_prefixed(ARGV.leave), tonumber(ARGV.leave_ms)
end
local reply, receipt = { finished }, { finished }
local room, is_blocked = tonumber(ARGV.room), {}

-- Takes up to `limit` tasks from the queue KEYS[i].
local function take_from(i, limit)
  local requested = math.min(limit, room)
  budget.room = requested
  if requested <= 0 or is_blocked[i] then
    return
  end
  local token, ids, rows, dropped, wrong_key, left = fetch(KEYS[i], budget)
  if not token then
    return
  end
  local position = i - first_fetch
  reply[#reply + 1] = { position, token, rows, dropped, wrong_key, left }
  if #ids > 0 or #dropped > 0 or wrong_key ~= '' then
    receipt[#receipt + 1] = { position, token, ids, dropped, wrong_key }
  end
  room = room - #ids
  if wrong_key ~= '' then
    is_blocked[i] = true
  elseif #ids < requested and budget.room == 0 then
    room = 0
  end
end

-- First each queue's share, then what is still free to the queues in order.
local key_index = first_fetch
for share in string.gmatch(ARGV.shares, '%d+') do
  take_from(key_index, tonumber(share))
  key_index = key_index + 1
end
for i = first_fetch, end_fetch - 1 do
  if room <= 0 then
    break
  end
  take_from(i, room)
end
-- A call that did nothing can simply run again: it needs no receipt.
if #finished > 0 or #receipt > 1 then
  keep_receipt(cmsgpack.pack(receipt))
end
return reply
