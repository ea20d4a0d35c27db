-- What attempts tell of themselves: how far they are, as JSON, and log lines.
ALTER TABLE task ADD COLUMN progress TEXT;

-- `n` counts the lines of a task from 1; the oldest are dropped.
CREATE TABLE log_line (
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (seq, n)
) STRICT, WITHOUT ROWID;
