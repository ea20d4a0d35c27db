/** Options of calls that may wait for a broker that is out of reach. */
export interface CallOptions {
  /**
   * With a signal, a failed call is repeated until it succeeds or the signal aborts. Repeats have the same receipt, by which
   * the broker recognises a call that it has already carried out. Without a signal, the call ends within 5 s.
   */
  readonly signal?: AbortSignal;
}
