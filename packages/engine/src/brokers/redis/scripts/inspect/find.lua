-- @use time names
-- find: the tasks of queues whose stored ID may be that of a plain ID. The stored ID of a task of a business is
-- `<business>.<plain ID>`.
-- KEYS   pending_lists...: they name the queues
-- ARGV   now; id: the plain ID; without_business: whether to look without a business (1/0); all_businesses: whether to look in all
--        of them (1/0); business: the one to look in, '' = none; queues: their number
-- TOUCHES biz, t:*
-- RETURN number of queues searched: beyond the bound it is less than all; then per task position of the queue from 0, stored ID
--        and meta (nil = none)
-- BOUND  128 queues, 20,000 businesses in all
local MAX_BUSINESSES = 10000
local id, found, position, businesses = ARGV.id, { 0 }, 0, 0

-- RECORD row: meta; message
local function add_if_stored(asynq, stored_id)
  local key = asynq .. 't:' .. stored_id
  local row = redis.pcall('HMGET', key, FIELDS.row)
  if row.meta or row.message then
    found[#found + 1] = { position, stored_id, row.meta }
  end
end

local function find_in_businesses(asynq, tc)
  local names = redis.call('SRANDMEMBER', tc .. 'biz', MAX_BUSINESSES)
  businesses = businesses + #names
  for i = 1, #names, 1000 do
    local keys = {}
    for j = i, math.min(i + 999, #names) do
      keys[#keys + 1] = asynq .. 't:' .. names[j] .. '.' .. id
    end
    if redis.call('EXISTS', unpack(keys)) > 0 then
      for j = i, math.min(i + 999, #names) do
        add_if_stored(asynq, names[j] .. '.' .. id)
      end
    end
  end
end

local first = INDEX.pending_lists
for i = first, first + ARGV.queues - 1 do
  local asynq, tc = key_prefixes(KEYS[i])
  position = i - first
  if ARGV.without_business == '1' then
    add_if_stored(asynq, id)
  end
  if ARGV.business ~= '' then
    add_if_stored(asynq, ARGV.business .. '.' .. id)
  end
  if ARGV.all_businesses == '1' and not find_wrong_type(tc .. 'biz', 'set') then
    find_in_businesses(asynq, tc)
  end
  found[1] = position + 1
  if businesses > MAX_BUSINESSES then
    break
  end
end
return found
