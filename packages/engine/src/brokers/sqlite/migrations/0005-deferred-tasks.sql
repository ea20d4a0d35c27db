-- What a deferred task waits for; null for all others, and from the moment that it is taken again.
ALTER TABLE task ADD COLUMN waiting_for TEXT;
