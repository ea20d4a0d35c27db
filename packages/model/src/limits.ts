// Limits and defaults of a task that hold wherever it is submitted. The HTTP API has further, narrower ones.

/** Most retries that a task may have. */
export const MAX_RETRIES = 1_000;
/** Shortest wait before a retry of a task that was submitted over HTTP. The library's tasks may retry at once. */
export const MIN_API_RETRY_MS = 1_000;
/** Redis and Asynq give locks whole seconds, and a lock of 0 s cannot be stored. */
export const MIN_UNIQUE_MS = 1_000;
/** Longest name of a group. */
export const MAX_GROUP_BYTES = 255;
/** Most headers of a task, with those of its context, and the most bytes of their names and values together. */
export const MAX_HEADERS = 64;
export const MAX_HEADERS_BYTES = 16_384;
/** Longest attempt of a task that sets no limit, as in Asynq. */
export const DEFAULT_TIMEOUT_MS = 30 * 60_000;
/** Calendars that are kept beside those that are built in: a list of them is one answer. */
export const MAX_CALENDARS = 100;
/** Longest name for people, such as that of a calendar, in characters. */
export const MAX_LABEL_LENGTH = 128;
