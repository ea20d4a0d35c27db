-- with-tasks: which of many queues have pending tasks. While none has, they share a command.
-- KEYS   pending_lists...
-- ARGV   now; queues: their number
-- RETURN positions of the queues that have any, from 0
-- BOUND  256 queues
local first, found = INDEX.pending_lists, {}
local last = first + ARGV.queues - 1
if redis.call('EXISTS', unpack(KEYS, first, last)) == 0 then
  return found
end
for i = first, last do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    found[#found + 1] = i - first
  end
end
return found
