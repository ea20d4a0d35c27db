-- Finds the lists and sets that a task is in, and what is wrong with that (docs/fsck.md).
-- A list longer than this is searched only if the task's state or the walk says that the ID is in it.
local MAX_LIST_SEARCHED, MAX_SETS_SEARCHED = 2000, 1000

local function list_length(list)
  local length = redis.pcall('LLEN', list)
  return type(length) == 'number' and length or 0
end

local function score_of(set, id)
  local score = redis.pcall('ZSCORE', set, id)
  return type(score) == 'string' and score or nil
end

-- The keys of the lists and sets that the ID is in; a list appears once per occurrence. seen_in: the key where the walk saw
-- the ID, or ''. Second: how many IDs of lists were scanned.
local function find_locations(asynq, id, state, group, seen_in)
  local found, scanned, seen = {}, 0, {}
  for _, name in ipairs({ 'pending', 'active' }) do
    local list = asynq .. name
    local length = list_length(list)
    if length > 0 and (length <= MAX_LIST_SEARCHED or state == name or seen_in == list) then
      scanned = scanned + length
      for _ = 1, #redis.call('LPOS', list, id, 'COUNT', 0) do
        found[#found + 1] = list
      end
    end
  end
  local function check_set(set)
    if not seen[set] and score_of(set, id) then
      found[#found + 1] = set
    end
    seen[set] = true
  end
  for _, name in ipairs({ 'scheduled', 'retry', 'archived', 'completed' }) do
    check_set(asynq .. name)
  end
  if group and group ~= '' then
    local group_key = asynq .. 'g:' .. group
    local sets = redis.pcall('ZRANGE', asynq .. 'aggregation_sets', 0, MAX_SETS_SEARCHED - 1)
    for _, set in ipairs(sets) do
      if string.sub(set, 1, #group_key + 1) == group_key .. ':' then
        check_set(set)
      end
    end
    check_set(group_key)
  end
  if string.sub(seen_in, 1, #asynq + 2) == asynq .. 'g:' then
    check_set(seen_in)
  end
  return found, scanned
end

-- The state of tasks in this list or set.
local function state_at(asynq, location)
  local name = string.sub(location, #asynq + 1)
  return string.sub(name, 1, 2) == 'g:' and 'aggregating' or name
end

-- Everything known about a task, read in one moment: type of its key, msg (does it have a message), state, group, own_state
-- (of ours), due_ms, locations, scanned, and its scores in `lease` (leased), `due`, `st:cancelled` (cancelled) and `st:cancelling`
-- (looked_at_s).
local function task_facts(asynq, tc, id, seen_in)
  local key = asynq .. 't:' .. id
  local facts = { id = id, key = key, type = redis.call('TYPE', key).ok }
  if facts.type == 'hash' then
    local row = redis.call('HMGET', key, FIELD.state, FIELD.group, FIELD.own_state, FIELD.due_ms)
    facts.state, facts.group, facts.own_state, facts.due_ms = unpack(row)
    facts.msg = redis.call('HEXISTS', key, FIELD.message) == 1
  end
  facts.locations, facts.scanned = find_locations(asynq, id, facts.state, facts.group, seen_in)
  facts.leased = score_of(asynq .. 'lease', id)
  facts.due, facts.cancelled = score_of(tc .. 'due', id), score_of(tc .. 'st:cancelled', id)
  facts.looked_at_s = tonumber(score_of(tc .. 'st:cancelling', id) or '')
  return facts
end

-- The kind of the task's fault and a description; nil = it has none.
local function task_fault(asynq, facts)
  local state, locations, location_names = facts.state or 'none', facts.locations, {}
  for i, location in ipairs(locations) do
    location_names[i] = string.sub(location, #asynq + 1)
  end
  local where = #location_names > 0 and 'is in ' .. table.concat(location_names, ', ') or 'is in no list or set'
  if facts.type ~= 'hash' and facts.type ~= 'none' then
    return 'type', 'its key is a ' .. facts.type .. ', not a hash'
  end
  if not facts.msg then
    if facts.type == 'hash' or #locations > 0 or facts.leased then
      return 'ghost', (facts.type == 'hash' and 'no message; ' or 'no task; ') .. (facts.leased and 'leased, ' or '') .. where
    end
    return (facts.due or facts.cancelled) and 'leak' or request_fault(facts), 'an index entry without a task'
  end
  if #locations == 0 then
    return 'orphan', 'state ' .. state .. ', ' .. where
  elseif #locations > 1 then
    return 'double', 'state ' .. state .. ', ' .. where
  elseif state_at(asynq, locations[1]) ~= state then
    return 'mismatch', 'state ' .. state .. ', ' .. where
  elseif state == 'active' and not facts.leased then
    return 'orphan', 'active without a lease'
  elseif state ~= 'active' and facts.leased then
    return 'ghost', 'leased, yet ' .. state
  elseif facts.due and state ~= 'scheduled' and state ~= 'retry' then
    return 'leak', 'a due time, yet ' .. state
  elseif facts.cancelled and facts.cancelled ~= score_of(asynq .. 'completed', facts.id) then
    return 'leak', 'marked as cancelled, yet ' .. state
  end
  return request_fault(facts)
end
