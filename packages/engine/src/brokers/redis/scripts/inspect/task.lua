-- @use time names record
-- task: reads one task.
-- KEYS   1 pending
-- ARGV   1 now; 2 ID
-- RETURN msg, state, tc, tc:a, tc:x, tc:d, tc:s, tc:c, result, pending_since, score, ID, whether the lease has expired (1/0);
--        nil = no such task
-- BOUND  1 task
local asynq = names_of(KEYS[1])
return record_of(asynq, ARGV[2]) or false
