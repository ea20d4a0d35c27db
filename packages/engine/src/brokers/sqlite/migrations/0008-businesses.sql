-- Businesses that ever had a task in a queue, for as long as the queue exists.
CREATE TABLE queue_business (
  queue INTEGER NOT NULL,
  business TEXT NOT NULL,
  PRIMARY KEY (queue, business)
) STRICT, WITHOUT ROWID;

INSERT INTO queue_business (queue, business) SELECT DISTINCT queue, business FROM task WHERE business IS NOT NULL;
