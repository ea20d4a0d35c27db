-- @use time
-- history-report: replaces what a process has reported of a minute.
-- KEYS   reports: of the minute
-- ARGV   now; process; data; closes: when the minute takes no more reports, ms; ttl: s
-- RETURN 1; 0 = the minute is closed
if now >= tonumber(ARGV.closes) then
  return 0
end
redis.call('HSET', KEYS.reports, ARGV.process, ARGV.data)
redis.call('EXPIRE', KEYS.reports, ARGV.ttl)
return 1
