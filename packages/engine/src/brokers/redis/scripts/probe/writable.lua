#!lua
-- @use
-- writable: does nothing. By its first line it claims to write, and it has no `allow-oom`: Redis refuses it where it would refuse a
-- new task.
-- KEYS   none
-- ARGV   now
-- RETURN 1
return 1
