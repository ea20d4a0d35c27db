#!lua flags=allow-oom
-- @use
-- meta-claim: marks a database as used by an installation of Task Center, unless it is already. Returns whose it is.
-- KEYS   meta: tc:meta
-- ARGV   now; version: of the schema; installation: ID
-- RETURN schema version, installation ID
local key = KEYS.meta
redis.call('HSETNX', key, 'schema', ARGV.version)
redis.call('HSETNX', key, 'installation', ARGV.installation)
return redis.call('HMGET', key, 'schema', 'installation')
