-- @use time names
-- find: the tasks of one queue whose stored ID may be that of a plain ID. The stored ID of a task of a business is
-- `<business>.<plain ID>`.
-- KEYS   1 pending
-- ARGV   1 now; 2 plain ID; 3 whether to look without a business (1/0); 4 whether to look in all businesses (1/0); 5 the
--        business to look in ('' = none)
-- RETURN stored ID and `tc` (nil = none) per task
-- BOUND  10,000 businesses
local MAX_BUSINESSES = 10000
local asynq, tc = names_of(KEYS[1])
local id, found = ARGV[2], {}

local function add_if_stored(stored_id)
  local key = asynq .. 't:' .. stored_id
  local row = redis.pcall('HMGET', key, 'tc', 'msg')
  if row[1] or row[2] then
    found[#found + 1] = { stored_id, row[1] }
  end
end

if ARGV[3] == '1' then
  add_if_stored(id)
end
if ARGV[5] ~= '' then
  add_if_stored(ARGV[5] .. '.' .. id)
end
if ARGV[4] == '1' and not find_wrong_type(tc .. 'biz', 'set') then
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
