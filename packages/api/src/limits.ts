const KIB = 1_024;
const MIB = 1_024 * KIB;

/** Limits of the contract (api section 1). Sizes in bytes. */
export const limits = {
  bodyBytes: MIB,
  batchBodyBytes: 8 * MIB,
  batchTasks: 1_000,
  payloadBytes: 256 * KIB,
  /** Above this a GET of a task shows null and `*_truncated: true`. */
  shownPayloadBytes: 64 * KIB,
  tags: 10,
  jsonDepth: 32,
  headerBytes: 16 * KIB,
  urlBytes: 2_048,
  callbackHeaders: 32,
  callbackHeaderBytes: 8 * KIB,
  pageDefault: 50,
  pageMost: 500,
  problemItems: 50,
} as const;
