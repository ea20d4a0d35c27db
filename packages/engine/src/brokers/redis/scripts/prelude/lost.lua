-- What the loss of its worker makes of a task: docs/design/engine.md#crash-isolation.

-- From the attempt state: the lost attempt's line for the history, the number of losses with this one, and the new state.
local function lost_attempt(attempt_state)
  local started, attempts, losses, deferrals, worker =
    string.match(attempt_state or '', '^(%d*);(%d+);(%d+);(%d+);([%w_.:-]*)$')
  losses = (losses or 0) + 1
  if not started or started == '' then
    started = int_text(now)
  end
  attempts = math.max(tonumber(attempts or 0), losses)
  local worker_field = worker and worker ~= '' and ',"w":"' .. worker .. '"' or ''
  local line = string.format('{"n":%d,"s":%s,"f":%.0f,"o":"lost"%s}', attempts, started, now, worker_field)
  return line, losses, table.concat({ started, attempts, losses, deferrals or 0, worker or '' }, ';')
end

-- From the isolation and the score of the lease: whether the task ran alone, and its crashes in a row, with this one if it did.
local function alone_crashes(isolation, score)
  local crashes, token = string.match(isolation or '', '^(%d+);(%d+)$')
  local is_alone = token and score and tonumber(token) == token_in(tonumber(score)) or false
  return is_alone, tonumber(crashes or 0) + (is_alone and 1 or 0)
end

-- As `poisonText` of the model.
local function poison_text(losses, crashes)
  local alone = crashes > 0 and string.format(', %d times while it ran alone', crashes) or ''
  return string.format('poison: lost its worker %d times%s', losses, alone)
end
