-- Who may be the only task with its queue, type and payload; a lock whose time is over counts as free.
CREATE TABLE unique_lock (
  key TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX unique_lock_end ON unique_lock (until_ms);

ALTER TABLE task ADD COLUMN unique_key TEXT;
ALTER TABLE task ADD COLUMN in_group TEXT;

-- State 7: aggregating; its place: when it joined its group, ms.
CREATE INDEX task_group ON task (queue, in_group, at, seq) WHERE state = 7;
