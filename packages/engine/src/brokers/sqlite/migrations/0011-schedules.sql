-- Schedules. `ledger` and the specification are JSON that only schedulers read; `open` is JSON as well. `look_ms`: when a
-- scheduler must look at it; null = not before it is changed. `planned_ms`: when that was written.
CREATE TABLE schedule (
  no INTEGER PRIMARY KEY,
  queue INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  revision INTEGER NOT NULL,
  spec_stamp INTEGER NOT NULL,
  stamp INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  changed_ms INTEGER NOT NULL,
  planned_ms INTEGER NOT NULL,
  look_ms INTEGER,
  next_fire_ms INTEGER,
  last_fire_ms INTEGER,
  runs INTEGER NOT NULL,
  awaits_end INTEGER NOT NULL,
  -- Of the newest fire with an ended task.
  ended_fire_ms INTEGER,
  failing INTEGER NOT NULL DEFAULT 0,
  business TEXT,
  owner TEXT,
  source TEXT NOT NULL,
  calendar TEXT,
  pause_reason TEXT,
  open TEXT NOT NULL,
  ledger TEXT NOT NULL
) STRICT;

CREATE INDEX schedule_name ON schedule (queue, name);
CREATE INDEX schedule_look ON schedule (queue, look_ms) WHERE look_ms IS NOT NULL;
CREATE INDEX schedule_next ON schedule (queue, next_fire_ms) WHERE next_fire_ms IS NOT NULL AND pause_reason IS NULL;

-- Apart, as a fire does not change it.
CREATE TABLE schedule_spec (
  schedule INTEGER PRIMARY KEY,
  spec TEXT NOT NULL
) STRICT;

-- The history, by the order of writing.
CREATE TABLE fire (
  line INTEGER PRIMARY KEY,
  schedule INTEGER NOT NULL,
  queue INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  fire_ms INTEGER NOT NULL,
  to_ms INTEGER NOT NULL,
  count INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  task TEXT,
  tasks INTEGER NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0,
  worst_end INTEGER,
  ended_ms INTEGER
) STRICT;

CREATE INDEX fire_time ON fire (queue, fire_ms, line);
CREATE INDEX fire_schedule ON fire (schedule, line);

-- Tasks of schedules, until they have ended; those that a ledger counts as open until it no longer does. `seq`: of the task; null = it
-- has ended.
CREATE TABLE schedule_run (
  schedule INTEGER NOT NULL,
  id TEXT NOT NULL,
  line INTEGER NOT NULL,
  seq INTEGER,
  worst_end INTEGER,
  ended_ms INTEGER,
  PRIMARY KEY (schedule, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX schedule_run_task ON schedule_run (seq) WHERE seq IS NOT NULL;
