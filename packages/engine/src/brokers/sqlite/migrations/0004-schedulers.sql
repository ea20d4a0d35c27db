-- What schedulers show of themselves; entries whose time is over count as gone.
CREATE TABLE scheduler_entry (
  scheduler TEXT NOT NULL,
  place INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  id TEXT NOT NULL,
  spec TEXT NOT NULL,
  type TEXT NOT NULL,
  options TEXT NOT NULL,
  next_ms INTEGER,
  prev_ms INTEGER,
  payload BLOB,
  PRIMARY KEY (scheduler, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX scheduler_entry_end ON scheduler_entry (until_ms);

-- Tasks that entries stored.
CREATE TABLE enqueue_event (
  entry TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  task TEXT NOT NULL,
  PRIMARY KEY (entry, at_ms, task)
) STRICT, WITHOUT ROWID;
