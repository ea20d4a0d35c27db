-- Asynq's counters (protocol 1.6): once per queue and call.
local COUNTER_S = 7776000
-- As a double every total from here on equals Asynq's maximum.
local FULL = 2 ^ 63
-- The last digits of the first such total, 9223372036854775296.
local FULL_TAIL = 775296

-- The UTC day, `2026-05-14`: days are counted from 1 March of the year 0, so that leap days come last.
local function today()
  local days = math.floor(now_s / 86400) + 719468
  local era = math.floor(days / 146097)
  local rest = days - era * 146097
  local leap = math.floor(rest / 1460) - math.floor(rest / 36524) + math.floor(rest / 146096)
  local year = math.floor((rest - leap) / 365)
  local in_year = rest - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local m = math.floor((5 * in_year + 2) / 153)
  local day = in_year - math.floor((153 * m + 2) / 5) + 1
  local month = m < 10 and m + 3 or m - 9
  return string.format('%04d-%02d-%02d', year + era * 400 + (month < 3 and 1 or 0), month, day)
end

local function count_day(key, n)
  if redis.pcall('INCRBY', key, n) == n then
    redis.call('EXPIREAT', key, now_s + COUNTER_S)
  end
end

-- Adds to the total; once it is full it begins anew at 1. Returns how many of the n came after that, or nil.
local function count_total(key, n)
  local sum = redis.pcall('INCRBY', key, n)
  if type(sum) == 'number' then
    if sum < FULL then
      return nil
    end
    local over = tonumber(string.sub(redis.call('GET', key), -6)) - FULL_TAIL
    if over == 0 then
      return nil
    end
    n = math.min(over, n)
  elseif not string.find(sum.err, 'overflow', 1, true) then
    return nil
  end
  redis.call('SET', key, n)
  return n
end

-- Attempts that ended, of which the last `failed` failed. No counter stops a task: what cannot be counted is not.
local function count(asynq, processed, failed)
  if processed == 0 then
    return
  end
  local day = today()
  count_day(asynq .. 'processed:' .. day, processed)
  local anew = count_total(asynq .. 'processed', processed)
  if failed == 0 then
    return
  end
  count_day(asynq .. 'failed:' .. day, failed)
  if anew and anew <= failed then
    redis.call('SET', asynq .. 'failed', anew)
  else
    redis.pcall('INCRBY', asynq .. 'failed', failed)
  end
end
