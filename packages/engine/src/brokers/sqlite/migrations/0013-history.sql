-- The figures of the past: data-model.md#history. `data` is packed by the history, and `at` counts minutes or hours since 1970.
CREATE TABLE history_page (
  by TEXT NOT NULL,
  step TEXT NOT NULL,
  at INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX history_page_step ON history_page (step, by, at);

-- What processes have counted in minutes that are in no page yet.
CREATE TABLE history_report (
  minute INTEGER NOT NULL,
  process TEXT NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (minute, process)
) STRICT;

-- What the history last knew of a stored queue.
CREATE TABLE history_baseline (
  queue TEXT NOT NULL PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;

-- One row.
CREATE TABLE history_state (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  version INTEGER NOT NULL,
  minute INTEGER NOT NULL,
  hour INTEGER
) STRICT;
