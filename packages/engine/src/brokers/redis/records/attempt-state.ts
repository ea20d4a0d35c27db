/**
 * `tc:a`: what is known of a task's attempts beyond Asynq's message, as the text
 * `<start in ms>;<attempts>;<losses>;<deferrals>;<worker>`. Of a deferred task `;<what it waits for>` follows.
 */
export interface AttemptState {
  /** Start of the newest attempt, wall-clock ms; null = unknown. */
  readonly startedMs: number | null;
  /** Attempts that our workers started; those given back do not count. */
  readonly attempts: number;
  /** Attempts whose worker was lost, in any company. */
  readonly crashes: number;
  /** Attempts given back unfinished. */
  readonly deferrals: number;
  readonly worker: string | null;
  /** What it was deferred for; null = it was not, or was taken since. */
  readonly waitingFor: string | null;
}

const FORMAT = /^(\d*);(\d+);(\d+);(\d+);([^;]*)(?:;([^]*))?$/;
const NONE: AttemptState = {
  startedMs: null,
  attempts: 0,
  crashes: 0,
  deferrals: 0,
  worker: null,
  waitingFor: null,
};
const FIRST: AttemptState = { ...NONE, attempts: 1 };

/** Parses the text; zeros if there is none or it is damaged. */
export function parseAttemptState(text: string | null): AttemptState {
  const found = text === null ? null : FORMAT.exec(text);
  if (!found) return NONE;
  const [, started = '', attempts, crashes, deferrals, worker = '', waitingFor] = found;
  return {
    startedMs: started === '' ? null : Number(started),
    attempts: Number(attempts),
    crashes: Number(crashes),
    deferrals: Number(deferrals),
    worker: worker === '' ? null : worker,
    waitingFor: waitingFor || null,
  };
}

/** The state of a task that has just been taken; scripts return null for a first attempt. */
export function takenAttemptState(text: string | null): AttemptState {
  return text === null ? FIRST : parseAttemptState(text);
}
