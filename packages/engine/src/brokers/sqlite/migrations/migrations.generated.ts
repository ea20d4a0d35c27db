// Made by scripts/generate.mjs; do not edit.
export const migrations = [
  {
    version: 1,
    name: 'initial',
    sql: "-- What states are called in `state`: 0 scheduled, 1 pending, 2 active, 3 retry, 4 completed, 5 cancelled, 6 archived.\n-- `at` is a task's place in its state, always an integer: pending: its rank; scheduled and retry: due ms;\n-- active: end of the lease, monotonic ms of the owning process; completed and cancelled: when it expires, ms;\n-- archived: when it failed, ms.\n\nCREATE TABLE queue (\n  no INTEGER PRIMARY KEY,\n  name TEXT NOT NULL UNIQUE,\n  used INTEGER NOT NULL DEFAULT 0,\n  paused_ms INTEGER,\n  pause_reason TEXT,\n  processed INTEGER NOT NULL DEFAULT 0,\n  failed INTEGER NOT NULL DEFAULT 0\n) STRICT;\n\n-- Rows are appended by `seq`: random IDs as the table's own key halve the speed of inserts and turns.\nCREATE TABLE task (\n  seq INTEGER PRIMARY KEY,\n  queue INTEGER NOT NULL,\n  state INTEGER NOT NULL,\n  at INTEGER NOT NULL,\n  token INTEGER NOT NULL DEFAULT 0,\n  attempts INTEGER NOT NULL DEFAULT 0,\n  crashes INTEGER NOT NULL DEFAULT 0,\n  deferrals INTEGER NOT NULL DEFAULT 0,\n  retried INTEGER NOT NULL DEFAULT 0,\n  max_retries INTEGER NOT NULL,\n  timeout_ms INTEGER NOT NULL,\n  deadline_ms INTEGER NOT NULL,\n  retention_ms INTEGER NOT NULL,\n  pending_since_ms INTEGER,\n  started_ms INTEGER,\n  finished_ms INTEGER,\n  failed_ms INTEGER,\n  size INTEGER NOT NULL,\n  id TEXT NOT NULL,\n  type TEXT NOT NULL,\n  worker TEXT,\n  business TEXT,\n  meta TEXT,\n  headers TEXT,\n  cancel TEXT,\n  last_error TEXT,\n  payload BLOB\n) STRICT;\n\nCREATE UNIQUE INDEX task_id ON task (queue, id);\nCREATE INDEX task_order ON task (queue, state, at);\nCREATE INDEX task_owned ON task (queue, substr(id, length(business) + 2)) WHERE business IS NOT NULL;\n\n-- Payloads too large for their row, and results.\nCREATE TABLE body (\n  seq INTEGER PRIMARY KEY,\n  payload BLOB,\n  result BLOB\n) STRICT;\n\nCREATE TABLE attempt (\n  seq INTEGER NOT NULL,\n  n INTEGER NOT NULL,\n  record TEXT NOT NULL,\n  PRIMARY KEY (seq, n)\n) STRICT, WITHOUT ROWID;\n\nCREATE TABLE document (\n  kind TEXT NOT NULL,\n  id TEXT NOT NULL,\n  version INTEGER NOT NULL,\n  value TEXT NOT NULL,\n  PRIMARY KEY (kind, id)\n) STRICT, WITHOUT ROWID;\n\n-- Days are whole days since 1970 (UTC).\nCREATE TABLE counter (\n  queue INTEGER NOT NULL,\n  day INTEGER NOT NULL,\n  processed INTEGER NOT NULL,\n  failed INTEGER NOT NULL,\n  PRIMARY KEY (queue, day)\n) STRICT, WITHOUT ROWID;\n\nCREATE TABLE meta (\n  name TEXT PRIMARY KEY,\n  value ANY\n) STRICT, WITHOUT ROWID;\n",
  },
  {
    version: 2,
    name: 'unique-locks-and-groups',
    sql: '-- Who may be the only task with its queue, type and payload; a lock whose time is over counts as free.\nCREATE TABLE unique_lock (\n  key TEXT PRIMARY KEY,\n  id TEXT NOT NULL,\n  until_ms INTEGER NOT NULL\n) STRICT, WITHOUT ROWID;\n\nCREATE INDEX unique_lock_end ON unique_lock (until_ms);\n\nALTER TABLE task ADD COLUMN unique_key TEXT;\nALTER TABLE task ADD COLUMN in_group TEXT;\n\n-- State 7: aggregating; its place: when it joined its group, ms.\nCREATE INDEX task_group ON task (queue, in_group, at, seq) WHERE state = 7;\n',
  },
  {
    version: 3,
    name: 'aggregation-sets',
    sql: '-- Tasks of a group that are being aggregated, until a time.\nCREATE TABLE aggregation_set (\n  id TEXT PRIMARY KEY,\n  queue INTEGER NOT NULL,\n  until_ms INTEGER NOT NULL\n) STRICT, WITHOUT ROWID;\n\nCREATE INDEX aggregation_set_end ON aggregation_set (queue, until_ms);\n\nALTER TABLE task ADD COLUMN in_set TEXT;\n\n-- State 8: aggregating, in a set; its place: when it joined its group, ms.\nCREATE INDEX task_set ON task (in_set, at, seq) WHERE state = 8;\n',
  },
  {
    version: 4,
    name: 'schedulers',
    sql: '-- What schedulers show of themselves; entries whose time is over count as gone.\nCREATE TABLE scheduler_entry (\n  scheduler TEXT NOT NULL,\n  place INTEGER NOT NULL,\n  until_ms INTEGER NOT NULL,\n  id TEXT NOT NULL,\n  spec TEXT NOT NULL,\n  type TEXT NOT NULL,\n  options TEXT NOT NULL,\n  next_ms INTEGER,\n  prev_ms INTEGER,\n  payload BLOB,\n  PRIMARY KEY (scheduler, place)\n) STRICT, WITHOUT ROWID;\n\nCREATE INDEX scheduler_entry_end ON scheduler_entry (until_ms);\n\n-- Tasks that entries stored.\nCREATE TABLE enqueue_event (\n  entry TEXT NOT NULL,\n  at_ms INTEGER NOT NULL,\n  task TEXT NOT NULL,\n  PRIMARY KEY (entry, at_ms, task)\n) STRICT, WITHOUT ROWID;\n',
  },
  {
    version: 5,
    name: 'deferred-tasks',
    sql: '-- What a deferred task waits for; null for all others, and from the moment that it is taken again.\nALTER TABLE task ADD COLUMN waiting_for TEXT;\n',
  },
  {
    version: 6,
    name: 'runs-alone',
    sql: '-- Whether the current attempt runs alone in its worker, and how often in a row the worker was lost meanwhile.\nALTER TABLE task ADD COLUMN is_alone INTEGER NOT NULL DEFAULT 0;\nALTER TABLE task ADD COLUMN alone_crashes INTEGER NOT NULL DEFAULT 0;\n',
  },
  {
    version: 7,
    name: 'failed-sets',
    sql: "-- Failed tries of the sets that a task was in, since its sets last became smaller; most tasks in a set with it, null = any number.\nALTER TABLE task ADD COLUMN set_tries INTEGER NOT NULL DEFAULT 0;\nALTER TABLE task ADD COLUMN max_set INTEGER;\n-- Whether the set's end was told: a failure, or that it was given back. Else it counts as a failure when its time is over.\nALTER TABLE aggregation_set ADD COLUMN is_told INTEGER NOT NULL DEFAULT 0;\n",
  },
  {
    version: 8,
    name: 'businesses',
    sql: '-- Businesses that ever had a task in a queue, for as long as the queue exists.\nCREATE TABLE queue_business (\n  queue INTEGER NOT NULL,\n  business TEXT NOT NULL,\n  PRIMARY KEY (queue, business)\n) STRICT, WITHOUT ROWID;\n\nINSERT INTO queue_business (queue, business) SELECT DISTINCT queue, business FROM task WHERE business IS NOT NULL;\n',
  },
  {
    version: 9,
    name: 'attempt-stacks',
    sql: '-- The stack of an attempt that failed, as `<number>;<stack>`. Of each task the first one and the newest one are kept.\nALTER TABLE attempt ADD COLUMN stack TEXT;\n',
  },
  {
    version: 10,
    name: 'task-notes',
    sql: '-- What attempts tell of themselves: how far they are, as JSON, and log lines.\nALTER TABLE task ADD COLUMN progress TEXT;\n\n-- `n` counts the lines of a task from 1; the oldest are dropped.\nCREATE TABLE log_line (\n  seq INTEGER NOT NULL,\n  n INTEGER NOT NULL,\n  line TEXT NOT NULL,\n  PRIMARY KEY (seq, n)\n) STRICT, WITHOUT ROWID;\n',
  },
] as const;
