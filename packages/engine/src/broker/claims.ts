/** Shortest and longest time of a claim. */
export const MIN_CLAIM_MS = 1_000;
export const MAX_CLAIM_MS = 600_000;

/** Asks for a claim. */
export interface ClaimCall {
  /** Names one taker and no other, in the form of a claim's name. Two with the same name share the claim. */
  readonly holder: string;
  /** Its time from now on, by the broker's clock: `MIN_CLAIM_MS` to `MAX_CLAIM_MS`, a whole number. */
  readonly ttlMs: number;
}

/** Says which claim is meant: that of a holder under a token. */
export interface ClaimRef {
  readonly holder: string;
  readonly token: number;
}

/** A claim that its holder has. */
export interface Claim {
  /**
   * Fences what the holder writes: it is greater than that of each holder before, and stays the same for as long as this one
   * keeps the claim. A whole number from 1.
   */
  readonly token: number;
  /** When it ends unless it is renewed, wall-clock ms of the broker. For people: a holder measures with its own clock. */
  readonly untilMs: number;
}

/**
 * Work that one instance at a time should do takes a claim, a lease without a task. A claim has a name and at most one holder.
 * It ends when its time is over, or when the holder releases it.
 *
 * - Names have 1 to 255 bytes, are not blank, and have neither braces nor control characters. They name kinds of work, and are
 *   few: what a broker keeps of a claim stays, as the next token depends on it.
 * - A token is greater than every earlier one of its claim: after the claim has expired or was released, and after a restart.
 *   It follows the clock, so it also is when Redis has lost its newest data, unless its clock went back by more than that.
 * - A claim is no lock that nothing can break. A holder that stood still, or a Redis that lost its newest data or whose clock
 *   was set forward, lets two believe for a moment that they hold it. What must not happen twice compares tokens.
 *
 * Calls are for one claim: each lies in a slot of its own, and a process has few.
 */
export interface Claims {
  /**
   * Takes a claim that nobody holds. Null = another holder has it. Taking what one holds is a renewal: the token stays.
   *
   * @throws TaskCenterError `invalid-value`
   */
  take(name: string, call: ClaimCall): Promise<Claim | null>;
  /**
   * Has the claim last for the given time from now on, or longer if it already does. False = this holder and token have it no
   * more, and nothing was changed.
   *
   * @throws TaskCenterError `invalid-value`
   */
  renew(name: string, call: ClaimCall & ClaimRef): Promise<boolean>;
  /**
   * Ends the claim. False = this holder and token have it no more; after a lost reply it may be that the first try released it.
   *
   * @throws TaskCenterError `invalid-value`
   */
  release(name: string, claim: ClaimRef): Promise<boolean>;
}
