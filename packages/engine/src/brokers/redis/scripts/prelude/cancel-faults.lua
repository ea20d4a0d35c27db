-- What may be wrong with a request to cancel a task, and its repair (docs/fsck.md). facts: of the prelude `locations`.
-- A request to cancel may outlive its task until the janitor drops it. It looks at each within seconds: after an hour none runs.
local UNSEEN_S = 3600
local function request_fault(facts)
  if facts.own_state == 'cancelling' then
    return not facts.looked_at_s and 'leak' or nil, 'to be cancelled, but without an index entry'
  end
  local is_stale = facts.looked_at_s and facts.looked_at_s < now_s - UNSEEN_S
  return is_stale and 'leak' or nil, 'an index entry without a request to cancel'
end

local function repair_request(tc, facts)
  if facts.own_state == 'cancelling' then
    redis.call('ZADD', tc .. 'st:cancelling', now_s, facts.id)
    return 'the index entry was added'
  end
  redis.call('ZREM', tc .. 'st:cancelling', facts.id)
  return 'the index entry was removed'
end
