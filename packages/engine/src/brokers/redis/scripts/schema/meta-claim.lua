-- @use
-- meta-claim: marks a database as used by an installation of Task Center, unless it is already. Returns whose it is.
-- KEYS   1 tc:meta
-- ARGV   1 now, 2 schema version, 3 installation ID
-- RETURN schema version, installation ID
local key = KEYS[1]
redis.call('HSETNX', key, 'schema', ARGV[2])
redis.call('HSETNX', key, 'installation', ARGV[3])
return redis.call('HMGET', key, 'schema', 'installation')
