-- Counts the failed tries of aggregation sets against their tasks, as `afterFailedSet` of the model does.
local MAX_TRIES, PAUSE_S, PAUSE_OF_ONE_S = 3, 5, 20

-- Failed tries of the task so far, most tasks in a set with it (0 = any), and the ID of the set that was counted last.
local function set_tries_of(key)
  local text = redis.pcall('HGET', key, FIELD.set_tries)
  local tries, max_size, counted = string.match(type(text) == 'string' and text or '', '^(%d+);(%d+);(.*)$')
  return tonumber(tries or 0), tonumber(max_size or 0), counted
end

-- Counts one more failed try in a set of `size` tasks; a set counts once. Returns whether it was the last one, and the pause.
local function count_failed_try(key, set_id, size)
  local tries, max_size, counted = set_tries_of(key)
  local pause_s = (size > 1 and PAUSE_S or PAUSE_OF_ONE_S) * 3 ^ tries
  if counted == set_id or redis.pcall('HEXISTS', key, FIELD.message) ~= 1 then
    return false, pause_s
  end
  tries = tries + 1
  if tries >= MAX_TRIES then
    if size <= 1 then
      return true, pause_s
    end
    tries, max_size = 0, math.ceil(size / 2)
  end
  redis.call('HSET', key, FIELD.set_tries, table.concat({ tries, max_size, set_id }, ';'))
  return false, pause_s
end

-- Archives a task whose last try has failed.
local function archive_member(moves, key, id, error_text)
  local message = redis.call('HGET', key, FIELD.message) .. error_field(error_text) .. FAILED_NOW
  archive(moves, key, id, FIELD.message, message)
  redis.call('HDEL', key, FIELD.set_tries)
end
