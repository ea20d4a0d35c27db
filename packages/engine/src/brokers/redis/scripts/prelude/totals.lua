-- Counters of what happened in a queue since it exists, in `tc:{queue}:n`: docs/design/data-model.md#totals. Asynq's own are in `counters`.
-- A damaged counter must not stop a task: errors are ignored.
local function add_total(tc, name, n)
  redis.pcall('HINCRBY', tc .. 'n', name, n)
end
