-- @use time
-- history-minutes: which minutes have reports. Reads only.
-- KEYS   reports: of any minute
-- ARGV   now; kept: minutes for which reports are kept
-- RETURN the minutes
-- BOUND  62 minutes
local prefix = string.gsub(KEYS.reports, '%d+$', '')
local present = math.floor(now / 60000)
local minutes = {}
for minute = present - ARGV.kept, present + 1 do
  if redis.call('EXISTS', prefix .. int_text(minute)) == 1 then
    minutes[#minutes + 1] = int_text(minute)
  end
end
return minutes
