#!lua flags=allow-oom
-- @use time names counters remove archive moves move doubts key-types cancel-faults locations repair-task schedules runs schedule-faults
-- check: examines candidates of one queue, each with all that belongs to it in one moment, and repairs them if asked to.
-- KEYS   pending
-- ARGV   now; repair: 1, or 0 = only report; candidates...
-- RECORD candidate: what: task, lock, group, key, schedule or run; name: ID or key; seen_in: the key where it was seen
-- TOUCHES active, lease, scheduled, retry, archived, completed, aggregation_sets, groups, due, st:cancelled,
--        st:cancelling, doubts, tok, scan, cfg, biz, odd, n, sch, names, next, soon, failing, fl, watch, sl:*, fires:*, aside:*, g:*, t:*, unique:*,
--        processed, processed:*, failed, failed:*
-- RETURN per candidate examined: kind of fault ('' = none), description, what was done about it
-- BOUND  100 candidates; ends early, though not before the first one, when it has scanned 250,000 IDs of lists
local MAX_SCANNED, MAX_ROUNDS = 250000, 5
local asynq, tc = key_prefixes(KEYS.pending)
local is_repair = ARGV.repair == '1'
local scanned, answers = 0, {}

-- done: what was repaired, or nil or false.
local function answer(fault_kind, found, done)
  answers[#answers + 1] = { fault_kind or '', fault_kind and found or '', fault_kind and done or '' }
end

-- A repair may leave a fault for the next round: a task put back into `active` still needs a lease. Reports the first fault.
local function check_task(id, seen_in)
  local first_kind, first_found, done
  for _ = 1, is_repair and MAX_ROUNDS or 1 do
    local facts = task_facts(asynq, tc, id, seen_in)
    scanned = scanned + facts.scanned
    local fault_kind, found = task_fault(asynq, facts)
    if not fault_kind then
      break
    end
    first_kind, first_found = first_kind or fault_kind, first_found or found
    if is_repair then
      local repaired = repair_task(asynq, tc, facts, fault_kind)
      done = done and done .. ', ' .. repaired or repaired
    end
  end
  return first_kind, first_found, done
end

local function rename_if_repair(key, name)
  if not is_repair then
    return nil
  end
  rename_key(tc, key, name)
  return 'renamed'
end

local function type_fault(key, type_name)
  if not find_wrong_type(key, type_name) then
    return nil
  end
  local name = string.sub(key, #asynq + 1)
  return 'type', 'it is a ' .. redis.call('TYPE', key).ok .. ', not a ' .. type_name, rename_if_repair(key, name)
end

-- A lock must not outlive its task or the task's completion. An archived task keeps its lock, as in Asynq.
-- RECORD holder: message; state
local function check_lock(key)
  local owner = not find_wrong_type(key, 'string') and redis.call('GET', key)
  if not owner then
    return type_fault(key, 'string')
  end
  local holder = redis.pcall('HMGET', asynq .. 't:' .. owner, FIELDS.holder)
  local is_missing = not holder.message
  if not is_missing and holder.state ~= 'completed' then
    return nil
  end
  if is_repair then
    redis.call('DEL', key)
  end
  return 'leak', 'its task ' .. owner .. (is_missing and ' does not exist' or ' is completed'), is_repair and 'released'
end

local function check_group(key)
  local name = string.sub(key, #asynq + 3)
  if find_wrong_type(key, 'zset') then
    return type_fault(key, 'zset')
  end
  local is_named = redis.pcall('SISMEMBER', asynq .. 'groups', name) == 1
  if is_named or redis.call('EXISTS', key) == 0 or score_of(asynq .. 'aggregation_sets', key) then
    return nil
  end
  if is_repair then
    redis.call('SADD', asynq .. 'groups', name)
  end
  return 'leak', 'no aggregator finds it: groups does not name it', is_repair and 'added to groups'
end

local function check_key(key)
  for _, wrong in ipairs(wrong_keys(asynq, tc, today())) do
    if wrong[1] == key then
      local found = wrong[3] == 'type' and 'it is a ' .. redis.call('TYPE', key).ok or 'it is not an integer'
      return wrong[3], found, rename_if_repair(key, wrong[2])
    end
  end
end

local function check_schedule(name)
  local kind, found, mend = schedule_fault(tc, name)
  return kind, found, kind and is_repair and mend and mend()
end

local function check_run(id)
  local kind, found, mend = run_fault(asynq, tc, id)
  return kind, found, kind and is_repair and mend()
end

local CHECKS = {
  task = check_task, lock = check_lock, group = check_group, key = check_key, schedule = check_schedule, run = check_run,
}
for candidate = INDEX.candidates, #ARGV, SIZE.candidate do
  answer(CHECKS[ARGV[candidate].what](ARGV[candidate].name, ARGV[candidate].seen_in))
  if scanned > MAX_SCANNED then
    break
  end
end
return answers
