export interface CallOptions {
  /**
   * With it a call that meets a broker out of reach is repeated, with the same receipt, until it succeeds or
   * the signal aborts; without it the call ends within 5 s.
   */
  readonly signal?: AbortSignal;
}
