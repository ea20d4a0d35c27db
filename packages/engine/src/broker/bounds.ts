// Bounds of one call to a broker: Redis and the SQLite thread do nothing else while they handle it, which then takes a few
// milliseconds at most. See docs/design/engine.md#bounds.

/** Most tasks that one call handles. */
export const MAX_BATCH = 256;
/** Most bytes of messages in one call. A single task may exceed it. */
export const MAX_BATCH_BYTES = 524_288;
/** Most types that a fetch leaves to other workers. */
export const MAX_LEFT_TYPES = 32;
/** How many tasks of these types a fetch looks past. */
export const MAX_LEFT = 256;
/** For how long a task of these types is left to others, from the time when it became pending. */
export const LEAVE_MS = 2_000;
/** Most tasks on one page of a list. */
export const MAX_PAGE = 500;
/** Most entries that one call for a page looks at, where a filter passes over some of them. */
export const MAX_SCANNED = 2_000;
/** Length of the key of cursors. */
export const CURSOR_KEY_BYTES = 32;
/** A page ends early when its tasks have more bytes than this, with results and records of attempts: it is one message. */
export const MAX_PAGE_BYTES = 4_194_304;
/** Most groups that `inspect.groups` lists. */
export const MAX_LISTED_GROUPS = 10_000;
