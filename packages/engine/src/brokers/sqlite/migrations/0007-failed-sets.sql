-- Failed tries of the sets that a task was in, since its sets last became smaller; most tasks in a set with it, null = any number.
ALTER TABLE task ADD COLUMN set_tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN max_set INTEGER;
-- Whether the set's end was told: a failure, or that it was given back. Else it counts as a failure when its time is over.
ALTER TABLE aggregation_set ADD COLUMN is_told INTEGER NOT NULL DEFAULT 0;
