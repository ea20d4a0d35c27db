-- What may be wrong with a schedule of a queue or with one of its runs, and its repair (docs/fsck.md).
-- Removes what is left of a schedule. Its lines in the history of the queue go with the next look of the janitor.
local function drop_schedule(tc, name)
  redis.call('HDEL', tc .. 'sch', name)
  redis.call('DEL', tc .. 'sl:' .. name, tc .. 'fires:' .. name)
  for _, set in ipairs({ 'names', 'next', 'soon', 'failing' }) do
    redis.pcall('ZREM', tc .. set, name)
  end
end

local function has_score(key, name)
  return type(redis.pcall('ZSCORE', key, name)) == 'string'
end

-- Whether a schedule is paused, '1' or '0', by its head; nil = the head is damaged.
local function paused_in(head)
  local paused, facts = string.match(head, '^%d+;%d+;%d+;%d+;([01]);({.*})$')
  local is_json, read = pcall(cjson.decode, facts or '')
  return is_json and type(read.f) == 'string' and paused or nil
end

-- The head of a schedule by its specification, with a revision after that of its ledger. nil = these are damaged, too.
local function head_of(text, stamp, ledger)
  local is_json, spec = pcall(cjson.decode, text)
  local is_ledger, planned = pcall(cjson.decode, ledger or '')
  if not is_json or type(spec) ~= 'table' or type(spec.createdMs) ~= 'number' or type(spec.source) ~= 'string' then
    return nil
  end
  local function known(value)
    return type(value) == 'string' and value or nil
  end
  local is_paused = spec.pausedMs ~= nil
  local facts = {
    b = known(spec.businessId), o = known(spec.owner), f = spec.source, k = known(spec.calendar), p = is_paused and '' or nil,
  }
  local revision = is_ledger and type(planned) == 'table' and tonumber(planned.revision) or 0
  return table.concat({ int_text(revision + 1), stamp, int_text(spec.createdMs), int_text(now), is_paused and 1 or 0, cjson.encode(facts) }, ';')
end

-- Returns the kind of the fault, what was found, and a function that repairs it and says what it did, nil = only people can; nil = nothing
-- is wrong.
local function schedule_fault(tc, name)
  local head, key = redis.pcall('HGET', tc .. 'sch', name), tc .. 'sl:' .. name
  local function drop()
    drop_schedule(tc, name)
    return 'removed'
  end
  if type(head) ~= 'string' then
    local is_left = redis.call('EXISTS', key, tc .. 'fires:' .. name) > 0 or has_score(tc .. 'names', name) or has_score(tc .. 'next', name)
      or has_score(tc .. 'soon', name) or has_score(tc .. 'failing', name)
    return is_left and 'leak' or nil, 'what is left of a schedule that does not exist', drop
  end
  local ledger = redis.pcall('HMGET', key, 'spec', 'next', 'stamp', 'ledger')
  if ledger.err then
    return 'type', 'its ledger is no hash', function()
      rename_key(tc, key, 'sl:' .. name)
      return 'renamed'
    end
  end
  if not ledger[1] or not ledger[3] then
    return 'ghost', 'a schedule without its specification', drop
  elseif string.sub(ledger[1], 1, 1) .. string.sub(ledger[1], -1) ~= '{}' then
    -- Only its owner can say what it was.
    return 'ghost', 'a schedule whose specification is damaged'
  end
  local paused = paused_in(head)
  if not paused then
    local written = head_of(ledger[1], ledger[3], ledger[4])
    return 'ghost', 'a schedule whose head is damaged', written and function()
      redis.call('HSET', tc .. 'sch', name, written)
      return 'written anew by its specification'
    end
  elseif not has_score(tc .. 'names', name) then
    return 'orphan', 'no list shows this schedule', function()
      redis.call('ZADD', tc .. 'names', 0, name)
      return 'added to the list'
    end
  end
  local will_fire = paused == '0' and ledger[2] and ledger[2] ~= ''
  if will_fire and not (has_score(tc .. 'next', name) and has_score(tc .. 'soon', name)) then
    return 'orphan', 'a schedule that will fire, yet nobody will look at it', function()
      redis.call('ZADD', tc .. 'next', int_text(now), name)
      redis.call('ZADD', tc .. 'soon', ledger[2], name)
      return 'it is looked at now'
    end
  end
end

local function run_fault(asynq, tc, id)
  local flag = redis.pcall('HGET', tc .. 'watch', id)
  if type(flag) ~= 'string' or end_of(asynq, id) ~= ENDED.gone then
    return nil
  end
  return 'leak', 'a run of a schedule without its task', function()
    end_run(tc, id, flag, ENDED.gone)
    return 'recorded as gone'
  end
end
