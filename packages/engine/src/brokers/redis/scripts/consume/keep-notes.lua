#!lua
-- @use time names leases
-- keep-notes: stores progress and log lines of attempts that are still running, of one queue.
-- KEYS   pending: names the queue
-- ARGV   now; max_lines: log lines kept with a task; max_bytes: of them all; notes...
-- RECORD note: id; token; progress: JSON, '' = it stays; count: number of lines; skipped: lines before them
--        that are left out; lines: joined by line feeds
-- TOUCHES lease, t:*
-- RETURN a text with 1 (written) or 0 (the lease is lost, or the task no longer exists) per note
-- BOUND  256 notes, of them 16 with lines; 512 KiB (one always fits)
local asynq = key_prefixes(KEYS.pending)
local max_lines, max_bytes = tonumber(ARGV.max_lines), tonumber(ARGV.max_bytes)

-- Appends lines to a task's log, and drops the oldest that exceed its bounds. A damaged log begins anew.
local function append_lines(key, count, skipped, lines)
  local stored = redis.call('HGET', key, FIELD.log)
  local dropped, kept, start = string.match(stored or '', '^(%d+);(%d+)\n()')
  dropped, kept = tonumber(dropped or 0), tonumber(kept or 0)
  if skipped > 0 then
    -- Newer lines are missing: the older ones go, too, so the log has no gap.
    dropped, kept = dropped + kept + skipped, 0
  end
  local text = kept > 0 and string.sub(stored, start) .. '\n' .. lines or lines
  local first = 1
  kept = kept + count
  while kept > max_lines or #text - first + 1 > max_bytes do
    local line_end = string.find(text, '\n', first, true)
    if not line_end then
      break
    end
    first, kept, dropped = line_end + 1, kept - 1, dropped + 1
  end
  redis.call('HSET', key, FIELD.log, int_text(dropped) .. ';' .. int_text(kept) .. '\n' .. string.sub(text, first))
end

local codes = {}
for note = INDEX.notes, #ARGV, SIZE.note do
  local id = ARGV[note].id
  local key = asynq .. 't:' .. id
  local score = redis.pcall('ZSCORE', asynq .. 'lease', id)
  local is_held = type(score) == 'string' and token_in(tonumber(score)) == tonumber(ARGV[note].token)
  local is_stored = is_held and redis.pcall('HEXISTS', key, FIELD.message) == 1
  if is_stored and ARGV[note].progress ~= '' then
    redis.call('HSET', key, FIELD.progress, ARGV[note].progress)
  end
  if is_stored and ARGV[note].count ~= '0' then
    append_lines(key, tonumber(ARGV[note].count), tonumber(ARGV[note].skipped), ARGV[note].lines)
  end
  codes[#codes + 1] = is_stored and CODE.done or CODE.refused
end
return table.concat(codes)
