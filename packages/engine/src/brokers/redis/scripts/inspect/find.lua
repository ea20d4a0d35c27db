-- @use time names
-- find: the stored tasks of one queue that one plain ID may mean.
-- KEYS   1 pending
-- ARGV   1 now; 2 ID; 3 whether without business (1/0); 4 whether of any business (1/0); 5 the one business
--        ('' = none asked for)
-- RETURN stored ID and tc (nil = none), per task
-- BOUND  10,000 businesses
local MAX_BUSINESSES = 10000
local asynq, tc = names_of(KEYS[1])
local id, found = ARGV[2], {}

local function look(stored)
  local key = asynq .. 't:' .. stored
  local row = redis.pcall('HMGET', key, 'tc', 'msg')
  if row[1] or row[2] then
    found[#found + 1] = { stored, row[1] }
  end
end

if ARGV[3] == '1' then
  look(id)
end
if ARGV[5] ~= '' then
  look(ARGV[5] .. '.' .. id)
end
if ARGV[4] == '1' and not misfit(tc .. 'biz', 'set') then
  local names = redis.call('SRANDMEMBER', tc .. 'biz', MAX_BUSINESSES)
  for i = 1, #names, 1000 do
    local keys = {}
    for j = i, math.min(i + 999, #names) do
      keys[#keys + 1] = asynq .. 't:' .. names[j] .. '.' .. id
    end
    if redis.call('EXISTS', unpack(keys)) > 0 then
      for j = i, math.min(i + 999, #names) do
        look(names[j] .. '.' .. id)
      end
    end
  end
end
return found
