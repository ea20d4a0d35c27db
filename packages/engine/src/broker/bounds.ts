// Bounds of one call to a broker: Redis and the SQLite thread do nothing else while they handle it, which then takes a few
// milliseconds at most. See docs/design/engine.md#bounds.

/** Most tasks that one call handles. */
export const MAX_BATCH = 256;
/** Most bytes of messages in one call. A single task may exceed it. */
export const MAX_BATCH_BYTES = 524_288;
/** Most tasks on one page of a list. */
export const MAX_PAGE = 500;
/** Most groups that `inspect.groups` lists. */
export const MAX_LISTED_GROUPS = 10_000;
