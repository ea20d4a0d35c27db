import { spanMs, type BackoffInput, type RetryInput } from '@task-center/api';
import { DEFAULT_RETRY_POLICY, PATIENT_RETRY_POLICY, type Backoff } from '@task-center/engine';

const ms = (text: string) => spanMs(text) ?? 0;

function backoffOf(input: BackoffInput): Backoff {
  const { jitter } = input;
  switch (input.kind) {
    case 'exponential':
      return {
        kind: 'exponential',
        initialMs: ms(input.initial),
        maxMs: ms(input.max),
        factor: input.factor,
        jitter,
      };
    case 'linear':
      return {
        kind: 'linear',
        initialMs: ms(input.initial),
        stepMs: ms(input.step),
        maxMs: ms(input.max),
        jitter,
      };
    case 'fixed':
      return { kind: 'fixed', delayMs: ms(input.delay), jitter };
    case 'list':
      return { kind: 'list', delaysMs: input.delays.map(ms), jitter };
  }
}

/** A task's retries: `backoff` only where it is the task's own. */
export function retryOf(input: RetryInput | undefined): {
  readonly maxRetries: number;
  readonly backoff?: Backoff;
} {
  if (input === undefined || input === 'default') return { maxRetries: DEFAULT_RETRY_POLICY.maxRetries };
  if (input === 'patient') return { maxRetries: PATIENT_RETRY_POLICY.maxRetries };
  const { max_retries: maxRetries, backoff } = input;
  return { maxRetries, ...(backoff !== undefined && { backoff: backoffOf(backoff) }) };
}
