// A task as a client prepares it, for programs that call the broker themselves.
export const aTask = (given) => ({
  queue: 'default',
  payload: null,
  headers: {},
  maxRetries: 3,
  timeoutMs: 0,
  deadlineMs: 0,
  retentionMs: 0,
  delayMs: 0,
  runAtMs: 0,
  meta: {},
  ...given,
});
