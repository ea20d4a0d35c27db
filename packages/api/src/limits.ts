const KIB = 1_024;
const MIB = 1_024 * KIB;

/**
 * Limits of the contract. Names that end in `Bytes` are sizes in bytes, the others are counts. See
 * docs/design/http-api.md#conventions.
 */
export const limits = {
  bodyBytes: MIB,
  batchBodyBytes: 8 * MIB,
  batchTasks: 1_000,
  payloadBytes: 256 * KIB,
  /** A larger payload or result is answered as null, with `payload_truncated` or `result_truncated` true. */
  shownPayloadBytes: 64 * KIB,
  tags: 10,
  /** All payloads of a batch, with those that its tasks take from `defaults`. A callback in `defaults` counts for each, too. */
  batchPayloadBytes: 8 * MIB,
  /** Nesting of JSON in a body. */
  jsonDepth: 32,
  /** Fields of one object outside payloads. */
  objectFields: 1_000,
  /** Values of a whole body outside payloads. A valid task has at most 181, its defaults as many. */
  bodyValues: 250_000,
  /** All headers of a request to the service. */
  headerBytes: 16 * KIB,
  urlBytes: 2_048,
  /** Headers of a callback, and their names and values together. */
  callbackHeaders: 32,
  callbackHeaderBytes: 8 * KIB,
  /** Items of a page that a client does not ask a number for, and the most it may ask for. */
  pageDefault: 50,
  pageMax: 500,
  /** All tasks of a page. One with more is a page of its own. */
  pageBytes: 8 * MIB,
  /** Items of a `validation-failed` problem and hits of `task-id-ambiguous`; further ones are left out. */
  problemItems: 50,
} as const;
