-- Schedules of a queue: docs/design/data-model.md#schedules. `sch` has a head for each: `<revision>;<stamp of the specification>;
-- <created ms>;<changed ms>;<paused 1/0>;` and the facts that people filter by, as JSON. All else is in the hash `sl:<name>`.
-- First the clock of the queue's schedules, which is in `sch` under the empty name: the last stamp; the latest time at which
-- something was planned, ms; and where the search for what was planned too far ahead goes on.
local function read_clock(tc)
  local text = redis.call('HGET', tc .. 'sch', '') or ''
  local stamp, planned_ms, cursor = string.match(text, '^(%d+);(%d+);(%d+)$')
  -- Not below the time in µs: after a queue was removed and made anew, stamps do not come again.
  return { stamp = math.max(tonumber(stamp or 0), now * 1000), planned_ms = tonumber(planned_ms or 0), cursor = cursor or '0' }
end

-- Of the same length for all: texts of stamps are in the order of their numbers.
local function next_stamp(clock)
  clock.stamp = clock.stamp + 1
  return string.format('%016.0f', clock.stamp)
end

local function write_clock(tc, clock)
  clock.planned_ms = math.max(clock.planned_ms, now)
  local text = int_text(clock.stamp) .. ';' .. int_text(clock.planned_ms) .. ';' .. clock.cursor
  redis.call('HSET', tc .. 'sch', '', text)
end

-- The first key of a wrong type; nil = all can be used.
local function find_wrong_schedule_key(tc)
  return find_wrong_type(
    tc .. 'sch', 'hash', tc .. 'next', 'zset', tc .. 'soon', 'zset', tc .. 'names', 'zset', tc .. 'failing', 'zset',
    tc .. 'fl', 'zset', tc .. 'watch', 'hash'
  )
end

-- Sets when it must be looked at, and its place among those that fire; '' = never.
local function set_times(tc, name, look_ms, soon_ms)
  if look_ms == '' then
    redis.call('ZREM', tc .. 'next', name)
  else
    redis.call('ZADD', tc .. 'next', look_ms, name)
  end
  if soon_ms == '' then
    redis.call('ZREM', tc .. 'soon', name)
  else
    redis.call('ZADD', tc .. 'soon', soon_ms, name)
  end
end

-- It must be looked at now, if it is not due already.
local function look_now(tc, name)
  local look_ms = redis.call('ZSCORE', tc .. 'next', name)
  if look_ms and tonumber(look_ms) <= now then
    return
  end
  redis.call('ZADD', tc .. 'next', int_text(now), name)
  redis.call('HSET', tc .. 'sl:' .. name, 'planned', int_text(now))
  write_clock(tc, read_clock(tc))
end

-- Reads stored schedules, which `parseSchedule` reads in TypeScript. `visit` gets a row for each name, nil = there is none or it is
-- damaged, the name, and the head, until it returns false.
local function read_schedules(tc, names, visit)
  if #names == 0 then
    return
  end
  local heads, looks = redis.call('HMGET', tc .. 'sch', unpack(names)), redis.call('ZMSCORE', tc .. 'next', unpack(names))
  local failing = redis.call('ZMSCORE', tc .. 'failing', unpack(names))
  for i, name in ipairs(names) do
    local row = heads[i] and name ~= '' and redis.pcall(
      'HMGET', tc .. 'sl:' .. name, 'spec', 'stamp', 'ledger', 'last', 'next', 'runs', 'open', 'awaits', 'planned', 'no'
    )
    if row and not row.err and row[1] then
      row[11], row[12], row[13], row[14] = looks[i], heads[i], name, failing[i]
    else
      row = nil
    end
    if visit(row, name, heads[i]) == false then
      return
    end
  end
end

-- Parses what a line begins with: how far its number is behind the time at which it was decided, in µs; the logical time; and how
-- long after it that was. nil = it cannot be read.
local function start_of(line)
  local behind, fire, after_ms = string.match(line, '^(%d+);(%w+);(%-?%d+);')
  local fire_ms = fire and tonumber(fire, 36)
  if fire_ms then
    return tonumber(behind), fire_ms, tonumber(after_ms)
  end
end

-- The member of `fl` that stands for a line of a schedule. number: of the line among those of its schedule.
local function member_of(line, number, name)
  local behind, fire_ms, after_ms = start_of(line)
  local stamp = behind and string.format('%016.0f', (fire_ms + after_ms) * 1000 + behind) or ''
  return stamp .. ':' .. number .. ':' .. name
end

-- Takes lines of a schedule out of the history of its queue. lines: newest first. number: of the first of them.
local function remove_members(tc, name, lines, number)
  local members = {}
  for i, line in ipairs(lines) do
    members[i] = member_of(line, int_text(number - i + 1), name)
  end
  for i = 1, #members, 4000 do
    redis.call('ZREM', tc .. 'fl', unpack(members, i, math.min(i + 3999, #members)))
  end
end
