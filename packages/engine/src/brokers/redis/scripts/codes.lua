-- Codes that the engine and its scripts send each other. The generator puts them into scripts, and exports them to TypeScript.

-- How an attempt ended, as an exchange hands it in.
END = {
  done = 'd', -- Delete the task and release its lock.
  keep = 'k', -- Keep a success for its retention.
  keep_result = 'K', -- Keep a success with a result.
  retry = 'r', -- Retry; this attempt does not count as a failure.
  fail = 'f', -- Retry after a failure.
  archive = 'a', -- Archive after a failure.
  quarantine = 'u', -- Archive an unreadable message, which counts as an anomaly.
  requeue = 'q', -- Give the task back unfinished; it is the next to run.
  defer = 'w', -- Give the task back unfinished; it waits until it is due.
  revoke = 'v', -- Delete the task although it did not succeed, and release its lock.
}

-- What a script did with a task, lease or finish; one character each.
CODE = {
  done = '1', -- The task is stored, the finish accepted, the lease renewed.
  cancelled = 'c', -- The finish is accepted, and the task has ended as cancelled.
  refused = '0', -- The ID exists already, or the lease is lost.
  duplicate = 'd', -- Another task holds the unique lock.
  wrong_type = 'x', -- A key of the task or queue has a wrong type.
  set_lost = 'l', -- The aggregation set's time is over, and it goes back to its group.
}
