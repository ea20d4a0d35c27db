/** The retry policy of a submitted task. A new kind of backoff needs a case in `backoffOf`. */
import { parseDuration, type BackoffInput, type RetryInput } from '@task-center/api';
import { DEFAULT_RETRY_POLICY, PATIENT_RETRY_POLICY, type Backoff } from '@task-center/engine';

const durationMs = (text: string) => parseDuration(text) ?? 0;

function backoffOf(input: BackoffInput): Backoff {
  const { jitter } = input;
  switch (input.kind) {
    case 'exponential':
      return {
        kind: 'exponential',
        initialMs: durationMs(input.initial),
        maxMs: durationMs(input.max),
        factor: input.factor,
        jitter,
      };
    case 'linear':
      return {
        kind: 'linear',
        initialMs: durationMs(input.initial),
        stepMs: durationMs(input.step),
        maxMs: durationMs(input.max),
        jitter,
      };
    case 'fixed':
      return { kind: 'fixed', delayMs: durationMs(input.delay), jitter };
    case 'list':
      return { kind: 'list', delaysMs: input.delays.map(durationMs), jitter };
  }
}

/** The number of retries, and the backoff if the task has its own. */
export function retryOf(input: RetryInput | undefined): {
  readonly maxRetries: number;
  readonly backoff?: Backoff;
} {
  if (input === undefined || input === 'default') return { maxRetries: DEFAULT_RETRY_POLICY.maxRetries };
  if (input === 'patient') return { maxRetries: PATIENT_RETRY_POLICY.maxRetries };
  const { max_retries: maxRetries, backoff } = input;
  return { maxRetries, ...(backoff !== undefined && { backoff: backoffOf(backoff) }) };
}
