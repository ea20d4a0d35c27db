-- Asynq's counters of attempts: totals per queue, and per UTC day for 90 days. Scripts add to them once per call.
local COUNTER_S = 7776000
-- Asynq sets a total that has reached the largest int64 back to 1. Lua compares doubles, and from here on every total equals
-- that maximum as a double.
local MAX_TOTAL = 2 ^ 63
-- The last six digits of the first such total, 9223372036854775296.
local MAX_TOTAL_TAIL = 775296

-- The UTC day, such as `2026-05-14`. Counts days from 1 March of the year 0: a leap day then is the last of its year.
local function today()
  local days = math.floor(now_s / 86400) + 719468
  local era = math.floor(days / 146097)
  local day_of_era = days - era * 146097
  local leap_days = math.floor(day_of_era / 1460) - math.floor(day_of_era / 36524) + math.floor(day_of_era / 146096)
  local year = math.floor((day_of_era - leap_days) / 365)
  local in_year = day_of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month_from_march = math.floor((5 * in_year + 2) / 153)
  local day = in_year - math.floor((153 * month_from_march + 2) / 5) + 1
  local month = month_from_march < 10 and month_from_march + 3 or month_from_march - 9
  return string.format('%04d-%02d-%02d', year + era * 400 + (month < 3 and 1 or 0), month, day)
end

local function count_day(key, n)
  if redis.pcall('INCRBY', key, n) == n then
    redis.call('EXPIREAT', key, now_s + COUNTER_S)
  end
end

-- Adds n to a total, with the result of n single steps as Asynq makes them: a full total starts again at 1. Returns how many
-- steps came since that restart, or nil if there was none. A value that is no integer stays as it is.
local function count_total(key, n)
  local total = redis.pcall('INCRBY', key, n)
  if type(total) == 'number' then
    if total < MAX_TOTAL then
      return nil
    end
    local excess = tonumber(string.sub(redis.call('GET', key), -6)) - MAX_TOTAL_TAIL
    if excess == 0 then
      return nil
    end
    n = math.min(excess, n)
  elseif not string.find(total.err, 'overflow', 1, true) then
    return nil
  end
  redis.call('SET', key, n)
  return n
end

-- Counts attempts that ended; the last `failed` of them failed. Errors are ignored: a damaged counter must not stop a task.
-- When `processed` starts again, `failed` does, too.
local function count(asynq, processed, failed)
  if processed == 0 then
    return
  end
  local day = today()
  count_day(asynq .. 'processed:' .. day, processed)
  local since_restart = count_total(asynq .. 'processed', processed)
  if failed == 0 then
    return
  end
  count_day(asynq .. 'failed:' .. day, failed)
  if since_restart and since_restart <= failed then
    redis.call('SET', asynq .. 'failed', since_restart)
  else
    redis.pcall('INCRBY', asynq .. 'failed', failed)
  end
end
