-- Whether the current attempt runs alone in its worker, and how often in a row the worker was lost meanwhile.
ALTER TABLE task ADD COLUMN is_alone INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN alone_crashes INTEGER NOT NULL DEFAULT 0;
