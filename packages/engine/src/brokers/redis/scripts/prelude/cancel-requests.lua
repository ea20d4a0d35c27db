-- Requests to cancel tasks that run; `cancelling` obeys them.
-- active, and to end as cancelled unless it succeeds (prelude `cancelling`). The janitor looks through `st:cancelling`.
local function request_cancel(tc, key, id, cancellation)
  redis.call('HSET', key, FIELD.own_state, 'cancelling', FIELD.cancellation, cancellation)
  redis.call('ZADD', tc .. 'st:cancelling', now_s, id)
end

-- The task has succeeded although its cancellation was asked for. Its hash keeps the request.
local function drop_request(tc, key, id)
  redis.call('HDEL', key, FIELD.own_state)
  redis.pcall('ZREM', tc .. 'st:cancelling', id)
end
