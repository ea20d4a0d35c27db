/** Tokens of one scope: what of all those who name it may at most so many have at a time. */
export interface AcquireCall {
  readonly scope: string;
  /** Tokens in all, 1 or more; whoever asks brings the number, so all should bring the same. */
  readonly maxTokens: number;
  /** A stored task ID. */
  readonly holder: string;
  /** When the token is free again if it is not given back, wall-clock ms; whole seconds count, and it may take 2 s more. */
  readonly untilMs: number;
}

/** Counting semaphores shared by all who use the broker (Asynq's x/rate, protocol 1.10). */
export interface Semaphores {
  /**
   * Takes a token; false = all are taken. Who has one, and asks again until the same second, has it still; asking for
   * another time when not all are taken only moves the end.
   */
  acquire(call: AcquireCall): Promise<boolean>;
  /** Gives a token back; false = the holder has none, or the first answer to this call was lost. */
  release(scope: string, holder: string): Promise<boolean>;
}
