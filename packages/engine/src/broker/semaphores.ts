/** Asks for a token of a scope. */
export interface AcquireCall {
  /** Name of what is limited. */
  readonly scope: string;
  /** Number of tokens of the scope, 1 or more. Each call brings it; all callers should give the same number. */
  readonly maxTokens: number;
  /** A stored task ID. */
  readonly holder: string;
  /**
   * When the token is free again if it is not released, wall-clock ms. Fractions of a second are ignored, and it may take
   * 2 s more.
   */
  readonly untilMs: number;
}

/** Limits how many holders a scope has at once, across all processes. Compatible with Asynq's `x/rate`. */
export interface Semaphores {
  /**
   * Takes a token. False = all are taken. Idempotent: acquiring again with the same expiry succeeds. Acquiring again with
   * another expiry moves it, unless all tokens are taken.
   */
  acquire(call: AcquireCall): Promise<boolean>;
  /** Releases a token. False = the holder has none; after a retry it may be that the first try released it. */
  release(scope: string, holder: string): Promise<boolean>;
}
