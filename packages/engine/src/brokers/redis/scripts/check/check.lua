#!lua flags=allow-oom
-- @use time names counters archive doubts kinds places mend
-- check: looks at suspects of one queue, all in one moment, and mends what is wrong with them if it is told to.
-- KEYS   1 pending
-- ARGV   1 now; 2 mend (1) or only look (0); per suspect: task, lock, group or key; ID or key; key where it was seen
-- RETURN per suspect, as far as it came: kind of what is wrong ('' = nothing), words for it, what was done about it
-- BOUND  100 suspects; as soon as 250,000 IDs of lists were looked through it ends early, the first suspect never
local LOOK_MOST, ROUNDS = 250000, 5
local asynq, tc = names_of(KEYS[1])
local mend = ARGV[2] == '1'
local looked, answers = 0, {}

local function answer(kind, words, done)
  answers[#answers + 1] = { kind or '', kind and words or '', kind and done or '' }
end

-- What one step leaves behind the next one mends: a task put back into active needs a lease.
local function check_task(id, at)
  local first_kind, first_words, done
  for _ = 1, mend and ROUNDS or 1 do
    local facts = task_facts(asynq, tc, id, at)
    looked = looked + facts.looked
    local kind, words = task_fault(asynq, facts)
    if not kind then
      break
    end
    first_kind, first_words = first_kind or kind, first_words or words
    if mend then
      local what = mend_task(asynq, tc, facts, kind)
      done = done and done .. ', ' .. what or what
    end
  end
  return first_kind, first_words, done
end

local function aside_if_told(key, name)
  if not mend then
    return nil
  end
  put_aside(tc, key, name)
  return 'set aside'
end

local function wrong_type(key, kind)
  if not misfit(key, kind) then
    return nil
  end
  local name = string.sub(key, #asynq + 1)
  return 'type', 'it is a ' .. redis.call('TYPE', key).ok .. ', not a ' .. kind, aside_if_told(key, name)
end

-- An archived task keeps its lock, as in Asynq (protocol D13).
local function check_lock(key)
  local owner = not misfit(key, 'string') and redis.call('GET', key)
  if not owner then
    return wrong_type(key, 'string')
  end
  local row = redis.pcall('HMGET', asynq .. 't:' .. owner, 'msg', 'state')
  local gone = not row[1]
  if not gone and row[2] ~= 'completed' then
    return nil
  end
  if mend then
    redis.call('DEL', key)
  end
  return 'leak', 'its task ' .. owner .. (gone and ' is no more' or ' is completed'), mend and 'released'
end

local function check_group(key)
  local name = string.sub(key, #asynq + 3)
  if misfit(key, 'zset') then
    return wrong_type(key, 'zset')
  end
  local named = redis.pcall('SISMEMBER', asynq .. 'groups', name) == 1
  if named or redis.call('EXISTS', key) == 0 or score_in(asynq .. 'aggregation_sets', key) then
    return nil
  end
  if mend then
    redis.call('SADD', asynq .. 'groups', name)
  end
  return 'leak', 'no aggregator finds it: groups does not name it', mend and 'named again'
end

local function check_key(key)
  for _, wrong in ipairs(wrong_keys(asynq, tc, today())) do
    if wrong[1] == key then
      local words = wrong[3] == 'type' and 'it is a ' .. redis.call('TYPE', key).ok or 'it is no number'
      return wrong[3], words, aside_if_told(key, wrong[2])
    end
  end
end

local CHECKS = { task = check_task, lock = check_lock, group = check_group, key = check_key }
for i = 3, #ARGV, 3 do
  answer(CHECKS[ARGV[i]](ARGV[i + 1], ARGV[i + 2]))
  if looked > LOOK_MOST then
    break
  end
end
return answers
