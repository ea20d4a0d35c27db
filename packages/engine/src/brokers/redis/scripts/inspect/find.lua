-- @use time names
-- find: the tasks of one queue whose stored ID may be that of a plain ID. The stored ID of a task of a business is
-- `<business>.<plain ID>`.
-- KEYS   pending: names the queue
-- ARGV   now; id: the plain ID; without_business: whether to look without a business (1/0); all_businesses: whether to look in all
--        of them (1/0); business: the one to look in, '' = none
-- TOUCHES biz, t:*
-- RETURN stored ID and meta (nil = none) per task
-- BOUND  10,000 businesses
local MAX_BUSINESSES = 10000
local asynq, tc = key_prefixes(KEYS.pending)
local id, found = ARGV.id, {}

-- RECORD row: meta; message
local function add_if_stored(stored_id)
  local key = asynq .. 't:' .. stored_id
  local row = redis.pcall('HMGET', key, FIELDS.row)
  if row.meta or row.message then
    found[#found + 1] = { stored_id, row.meta }
  end
end

if ARGV.without_business == '1' then
  add_if_stored(id)
end
if ARGV.business ~= '' then
  add_if_stored(ARGV.business .. '.' .. id)
end
if ARGV.all_businesses == '1' and not find_wrong_type(tc .. 'biz', 'set') then
  local names = redis.call('SRANDMEMBER', tc .. 'biz', MAX_BUSINESSES)
  for i = 1, #names, 1000 do
    local keys = {}
    for j = i, math.min(i + 999, #names) do
      keys[#keys + 1] = asynq .. 't:' .. names[j] .. '.' .. id
    end
    if redis.call('EXISTS', unpack(keys)) > 0 then
      for j = i, math.min(i + 999, #names) do
        add_if_stored(names[j] .. '.' .. id)
      end
    end
  end
end
return found
