#!lua flags=allow-oom
-- @use
-- rights: says which commands the user of this connection may run. It runs none of them. It claims to write: a server that
-- refuses all writes refuses this script, too.
-- KEYS   none
-- ARGV   now; commands: JSON, an array of commands, each an array with all its arguments
-- RETURN per command: 1 = allowed, 0 = not, or the server does not have it
-- BOUND  the commands given
local answers = {}
for i, command in ipairs(cjson.decode(ARGV.commands)) do
  local ok, is_allowed = pcall(redis.acl_check_cmd, unpack(command))
  answers[i] = ok and is_allowed and 1 or 0
end
return answers
