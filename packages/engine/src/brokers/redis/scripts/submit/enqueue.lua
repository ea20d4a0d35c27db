-- @use time names receipt store
-- enqueue: stores new tasks of one queue. A task whose ID exists already is left as it is.
-- KEYS   1 receipt; 2 pending
-- ARGV   1 now; 2 slot; 3 sequence; 4 whether the call has an ID twice (1/0); 5 values per task: 2, 5 or 8; 6 number of
--        businesses, then their names; then per task: ID, message; with 5 values also: meta ('' = none), delay in ms, start
--        in ms (0 = none); with 8 also: unique lock ('' = none), seconds that it lasts after the start, group ('' = none)
-- RETURN `<now>:<codes>:<new>:<holders>`. new: 1 = nothing is known of the slot, as after FLUSHDB. A code per task: 1 stored,
--        0 the ID exists, d its lock is held, x its key or its group's has a wrong type. A holder per d: length of the ID,
--        colon, ID. `!<key>`: this key has a wrong type, nothing was written; `!stale`: a late duplicate
-- BOUND  256 tasks
-- It has no `allow-oom`: Redis refuses it when memory is full. All scripts that go on with stored tasks have it.
local kept, stale, new = receipt_of(KEYS[1], ARGV[2], ARGV[3])
if kept or stale then
  return kept or STALE
end
local pending = KEYS[2]
local asynq, tc = names_of(pending)
local scheduled, due, biz = asynq .. 'scheduled', tc .. 'due', tc .. 'biz'
local wrong_key = find_wrong_type(pending, 'list', scheduled, 'zset', due, 'zset', biz, 'set')
if wrong_key then
  return '!' .. wrong_key
end

local values_per_task, businesses = tonumber(ARGV[5]), tonumber(ARGV[6])
local codes, keys, prefix = {}, {}, asynq .. 't:'
local p = 7 + businesses
for i = 1, (#ARGV - 6 - businesses) / values_per_task do
  keys[i] = prefix .. ARGV[p + (i - 1) * values_per_task]
end
-- Usually all IDs are new, and one EXISTS shows that.
local check_each = ARGV[4] == '1' or redis.call('EXISTS', unpack(keys)) > 0

for i = 1, #keys do
  local key = keys[i]
  local key_type = check_each and redis.call('TYPE', key).ok or 'none'
  if key_type ~= 'none' then
    codes[i] = key_type == 'hash' and '0' or 'x'
  else
    if values_per_task == 2 then
      store_now(key, ARGV[p], ARGV[p + 1], '')
      codes[i] = '1'
    elseif values_per_task == 5 then
      store(key, p, start_ms(p))
      codes[i] = '1'
    else
      codes[i] = store_special(asynq, key, p)
    end
  end
  p = p + values_per_task
end

index_stored(asynq, tc)
if businesses > 0 then
  redis.call('SADD', biz, unpack(ARGV, 7, 6 + businesses))
end
local reply = int_text(now) .. ':' .. table.concat(codes) .. (new and ':1:' or ':0:') .. table.concat(holders)
keep_receipt(KEYS[1], ARGV[2], ARGV[3], reply)
return reply
