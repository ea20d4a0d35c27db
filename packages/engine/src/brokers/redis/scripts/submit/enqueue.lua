-- @use time names totals receipt store
-- enqueue: stores new tasks of one queue. A task whose ID exists already is left as it is.
-- KEYS   receipt; pending
-- ARGV   now; slot; sequence; has_repeats: whether the call has an ID twice (1/0); values_per_item: all are bare, plain or whole items of the prelude `store`; business_count; businesses...: names, then the items
-- TOUCHES scheduled, due, n, biz, groups, g:*, t:*, unique:*
-- RETURN `<now>:<codes>:<new>:<holders>`. new: 1 = nothing is known of the slot, as after FLUSHDB. A code per task: 1 stored,
--        0 the ID exists, d its lock is held, x its key or its group's has a wrong type. A holder per d: length of the ID,
--        colon, ID. `!<key>`: this key has a wrong type, nothing was written; `!stale`: a late duplicate
-- BOUND  256 tasks
-- It has no `allow-oom`: Redis refuses it when memory is full. All scripts that go on with stored tasks have it.
local kept, stale, new = read_receipt()
if kept or stale then
  return kept or STALE
end
local pending = KEYS.pending
local asynq, tc = key_prefixes(pending)
local scheduled, due, biz = asynq .. 'scheduled', tc .. 'due', tc .. 'biz'
local wrong_key = find_wrong_type(pending, 'list', scheduled, 'zset', due, 'zset', biz, 'set')
if wrong_key then
  return '!' .. wrong_key
end

local values_per_item, businesses = tonumber(ARGV.values_per_item), tonumber(ARGV.business_count)
local codes, keys, prefix, count = {}, {}, asynq .. 't:', 0
local first_item = INDEX.businesses + businesses
for item = first_item, #ARGV, values_per_item do
  count = count + 1
  keys[count] = prefix .. ARGV[item].id
end
-- Usually all IDs are new, and one EXISTS shows that.
local check_each = ARGV.has_repeats == '1' or redis.call('EXISTS', unpack(keys)) > 0

local item = first_item
for i = 1, count do
  local key = keys[i]
  local key_type = check_each and redis.call('TYPE', key).ok or 'none'
  if key_type ~= 'none' then
    codes[i] = key_type == 'hash' and CODE.refused or CODE.wrong_type
  else
    if values_per_item == SIZE.bare_item then
      store_now(key, ARGV[item].id, ARGV[item].message, '')
      codes[i] = CODE.done
    elseif values_per_item == SIZE.plain_item then
      store(key, item, start_ms(item))
      codes[i] = CODE.done
    else
      codes[i] = store_special(asynq, key, item)
    end
  end
  item = item + values_per_item
end

index_stored(asynq, tc)
if businesses > 0 then
  redis.call('SADD', biz, unpack(ARGV, INDEX.businesses, first_item - 1))
end
local reply = int_text(now) .. ':' .. table.concat(codes) .. (new and ':1:' or ':0:') .. table.concat(holders)
keep_receipt(reply)
return reply
