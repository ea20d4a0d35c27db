-- Tasks of a group that are being aggregated, until a time.
CREATE TABLE aggregation_set (
  id TEXT PRIMARY KEY,
  queue INTEGER NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX aggregation_set_end ON aggregation_set (queue, until_ms);

ALTER TABLE task ADD COLUMN in_set TEXT;

-- State 8: aggregating, in a set; its place: when it joined its group, ms.
CREATE INDEX task_set ON task (in_set, at, seq) WHERE state = 8;
