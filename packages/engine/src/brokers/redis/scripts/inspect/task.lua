-- @use time names record
-- task: reads one task.
-- KEYS   pending: names the queue
-- ARGV   now; id
-- TOUCHES lease, scheduled, retry, archived, completed, t:*
-- RETURN a row, see the prelude `record`; nil = no such task
-- BOUND  1 task
local asynq = key_prefixes(KEYS.pending)
return record_of(asynq, ARGV.id) or false
