-- Where a task stands, and what is wrong with that: as docs/fsck.md has it.
-- A list longer than this is searched only for whom it may hold.
local MAX_LIST_SEARCHED, MAX_SETS_SEARCHED = 2000, 1000

local function size_of(list)
  local length = redis.pcall('LLEN', list)
  return type(length) == 'number' and length or 0
end

local function score_in(set, id)
  local score = redis.pcall('ZSCORE', set, id)
  return type(score) == 'string' and score or nil
end

-- Keys in which it stands, each as often as it does. `at`: where it was seen. Second: how many IDs were looked through.
local function places_of(asynq, id, state, group, at)
  local found, looked, seen = {}, 0, {}
  for _, name in ipairs({ 'pending', 'active' }) do
    local list = asynq .. name
    local length = size_of(list)
    if length > 0 and (length <= MAX_LIST_SEARCHED or state == name or at == list) then
      looked = looked + length
      for _ = 1, #redis.call('LPOS', list, id, 'COUNT', 0) do
        found[#found + 1] = list
      end
    end
  end
  local function look(set)
    if not seen[set] and score_in(set, id) then
      found[#found + 1] = set
    end
    seen[set] = true
  end
  for _, name in ipairs({ 'scheduled', 'retry', 'archived', 'completed' }) do
    look(asynq .. name)
  end
  if group and group ~= '' then
    local own = asynq .. 'g:' .. group
    local sets = redis.pcall('ZRANGE', asynq .. 'aggregation_sets', 0, MAX_SETS_SEARCHED - 1)
    for _, set in ipairs(sets) do
      if string.sub(set, 1, #own + 1) == own .. ':' then
        look(set)
      end
    end
    look(own)
  end
  if string.sub(at, 1, #asynq + 2) == asynq .. 'g:' then
    look(at)
  end
  return found, looked
end

-- The state that a task at this place has.
local function state_at(asynq, place)
  local name = string.sub(place, #asynq + 1)
  return string.sub(name, 1, 2) == 'g:' and 'aggregating' or name
end

-- What is known of a task: type of its key, message there, state, group, places, score of its lease, whether `due` and
-- `st:cancelled` name it.
local function task_facts(asynq, tc, id, at)
  local key = asynq .. 't:' .. id
  local facts = { id = id, key = key, type = redis.call('TYPE', key).ok }
  if facts.type == 'hash' then
    local row = redis.call('HMGET', key, 'state', 'group', 'tc:s', 'tc:d')
    facts.state, facts.group, facts.own, facts.due_ms = unpack(row)
    facts.msg = redis.call('HEXISTS', key, 'msg') == 1
  end
  facts.places, facts.looked = places_of(asynq, id, facts.state, facts.group, at)
  facts.leased = score_in(asynq .. 'lease', id)
  facts.due, facts.cancelled = score_in(tc .. 'due', id), score_in(tc .. 'st:cancelled', id)
  return facts
end

-- Kind of what is wrong and words for it; nil = nothing is.
local function task_fault(asynq, facts)
  local state, places, names = facts.state or 'none', facts.places, {}
  for i, place in ipairs(places) do
    names[i] = string.sub(place, #asynq + 1)
  end
  local where = #names > 0 and 'stands in ' .. table.concat(names, ', ') or 'stands nowhere'
  if facts.type ~= 'hash' and facts.type ~= 'none' then
    return 'type', 'its key is a ' .. facts.type .. ', not a hash'
  end
  if not facts.msg then
    if facts.type == 'hash' or #places > 0 or facts.leased then
      return 'ghost', (facts.type == 'hash' and 'no message; ' or 'no task; ') .. (facts.leased and 'leased, ' or '') .. where
    end
    return (facts.due or facts.cancelled) and 'leak' or nil, 'a note of ours without a task'
  end
  if #places == 0 then
    return 'orphan', 'state ' .. state .. ', ' .. where
  elseif #places > 1 then
    return 'double', 'state ' .. state .. ', ' .. where
  elseif state_at(asynq, places[1]) ~= state then
    return 'mismatch', 'state ' .. state .. ', ' .. where
  elseif state == 'active' and not facts.leased then
    return 'orphan', 'active without a lease'
  elseif state ~= 'active' and facts.leased then
    return 'ghost', 'leased, yet ' .. state
  elseif facts.due and state ~= 'scheduled' and state ~= 'retry' then
    return 'leak', 'a due time, yet ' .. state
  elseif facts.cancelled and facts.cancelled ~= score_in(asynq .. 'completed', facts.id) then
    return 'leak', 'marked as cancelled, yet ' .. state
  end
  return nil
end
