-- What states are called in `state`: 0 scheduled, 1 pending, 2 active, 3 retry, 4 completed, 5 cancelled, 6 archived.
-- `at` is a task's place in its state, always an integer: pending: its rank; scheduled and retry: due ms;
-- active: end of the lease, monotonic ms of the owning process; completed and cancelled: when it expires, ms;
-- archived: when it failed, ms.

CREATE TABLE queue (
  no INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  used INTEGER NOT NULL DEFAULT 0,
  paused_ms INTEGER,
  pause_reason TEXT,
  processed INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Rows are appended by `seq`: random IDs as the table's own key halve the speed of inserts and turns.
CREATE TABLE task (
  seq INTEGER PRIMARY KEY,
  queue INTEGER NOT NULL,
  state INTEGER NOT NULL,
  at INTEGER NOT NULL,
  token INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  deferrals INTEGER NOT NULL DEFAULT 0,
  retried INTEGER NOT NULL DEFAULT 0,
  max_retries INTEGER NOT NULL,
  timeout_ms INTEGER NOT NULL,
  deadline_ms INTEGER NOT NULL,
  retention_ms INTEGER NOT NULL,
  pending_since_ms INTEGER,
  started_ms INTEGER,
  finished_ms INTEGER,
  failed_ms INTEGER,
  size INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  worker TEXT,
  business TEXT,
  meta TEXT,
  headers TEXT,
  cancel TEXT,
  last_error TEXT,
  payload BLOB
) STRICT;

CREATE UNIQUE INDEX task_id ON task (queue, id);
CREATE INDEX task_order ON task (queue, state, at);
CREATE INDEX task_owned ON task (queue, substr(id, length(business) + 2)) WHERE business IS NOT NULL;

-- Payloads too large for their row, and results.
CREATE TABLE body (
  seq INTEGER PRIMARY KEY,
  payload BLOB,
  result BLOB
) STRICT;

CREATE TABLE attempt (
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (seq, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE document (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Days are whole days since 1970 (UTC).
CREATE TABLE counter (
  queue INTEGER NOT NULL,
  day INTEGER NOT NULL,
  processed INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  PRIMARY KEY (queue, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value ANY
) STRICT, WITHOUT ROWID;
