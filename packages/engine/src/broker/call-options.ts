/** Options of calls that may wait for a broker that is out of reach. */
export interface CallOptions {
  /**
   * Given: the call is tried again until it succeeds or the signal aborts. All tries have the same receipt, by which the
   * broker recognises what it has done already. Default: the call ends within 5 s.
   */
  readonly signal?: AbortSignal;
}
