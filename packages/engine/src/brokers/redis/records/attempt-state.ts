/** `tc:a`: what we know of a task's attempts beyond Asynq's message (data model). */
export interface AttemptState {
  /** Start of the newest attempt, wall-clock ms; null = unknown. */
  readonly startedMs: number | null;
  /** Attempts started here, those given back not counted. */
  readonly attempts: number;
  readonly crashes: number;
  readonly deferrals: number;
  readonly worker: string | null;
}

const STATE = /^(\d*);(\d+);(\d+);(\d+);(.*)$/;
const NONE: AttemptState = { startedMs: null, attempts: 0, crashes: 0, deferrals: 0, worker: null };
const FIRST: AttemptState = { ...NONE, attempts: 1 };

/** The state in the text; zeros where there is none or it is damaged. */
export function parseAttemptState(text: string | null): AttemptState {
  const found = text === null ? null : STATE.exec(text);
  if (!found) return NONE;
  const [, started = '', attempts, crashes, deferrals, worker = ''] = found;
  return {
    startedMs: started === '' ? null : Number(started),
    attempts: Number(attempts),
    crashes: Number(crashes),
    deferrals: Number(deferrals),
    worker: worker === '' ? null : worker,
  };
}

/** The state of a task that has just been taken; null = its first attempt. */
export function takenAttemptState(text: string | null): AttemptState {
  return text === null ? FIRST : parseAttemptState(text);
}
