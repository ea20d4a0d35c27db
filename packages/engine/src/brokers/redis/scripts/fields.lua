-- Fields of a task's hash. Scripts say `FIELD.history`; the generator puts the stored name in its place.
FIELD = {
  message = 'msg', -- Asynq's TaskMessage.
  state = 'state', -- The state as Asynq knows it.
  pending_since = 'pending_since', -- Time in ns; only while the task is pending.
  result = 'result', -- What the handler returned.
  progress = 'tc:p', -- How far it is, as JSON.
  log = 'tc:l', -- lines dropped;lines kept, then a line of JSON per log line
  group = 'group', -- Name of the task's group.
  set_tries = 'tc:g', -- failed tries of its sets;most tasks in a set with it, 0 = any;ID of the last set that was counted
  unique_key = 'unique_key', -- Key of the task's unique lock.
  meta = 'tc', -- What our clients add to a task.
  attempt_state = 'tc:a', -- start in ms;attempts;losses;deferrals;worker[;what it waits for]
  isolation = 'tc:i', -- crashes in a row while it ran alone;token of the lease under which it runs alone, 0 = none
  history = 'tc:x', -- A line of JSON per attempt.
  first_stack = 'tc:f', -- number;stack of the first attempt that failed with a stack
  newest_stack = 'tc:n', -- The same of the newest one, if it is another.
  due_ms = 'tc:d', -- Exact start in ms.
  own_state = 'tc:s', -- A state that Asynq does not have.
  cancellation = 'tc:c', -- Who asked to cancel it, when and why, as JSON; with the own state `cancelling` also how long to keep it.
}
