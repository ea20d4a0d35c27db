-- The stack of an attempt that failed, as `<number>;<stack>`. Of each task the first one and the newest one are kept.
ALTER TABLE attempt ADD COLUMN stack TEXT;
