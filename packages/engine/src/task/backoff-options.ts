import type { Backoff, Duration } from '@task-center/model';
import { durationMs } from '../checks/duration.ts';
import { callCheck, unknownOption } from '../checks/options.ts';
import { invalidValue } from '../errors/task-center-error.ts';

/**
 * The waits between the attempts of a task. `jitter` is the largest share of a wait that is added to it by chance: 0.25 = up
 * to 25 %, the default. It keeps tasks that failed together from coming back together.
 */
export type BackoffOptions =
  /** `initial` (1 s), multiplied by `factor` (2) before each further retry; with its jitter at most `max` (5 min). */
  | {
      readonly kind: 'exponential';
      readonly initial?: Duration;
      readonly max?: Duration;
      readonly factor?: number;
      readonly jitter?: number;
    }
  /** `initial`, then `step` more before each further retry; with its jitter at most `max` (5 min). */
  | {
      readonly kind: 'linear';
      readonly initial: Duration;
      readonly step: Duration;
      readonly max?: Duration;
      readonly jitter?: number;
    }
  /** Always `delay`. */
  | { readonly kind: 'fixed'; readonly delay: Duration; readonly jitter?: number }
  /** One wait for each retry; the last one is repeated. An empty list means no wait. */
  | { readonly kind: 'list'; readonly delays: readonly Duration[]; readonly jitter?: number }
  /** Asynq's own formula, with delays that grow to days. */
  | { readonly kind: 'asynq' };

const BACKOFF_KINDS = 'a backoff of the kind exponential, linear, fixed, list or asynq';
const DEFAULT_JITTER = 0.25;
const DEFAULT_FACTOR = 2;
const DEFAULT_INITIAL: Duration = '1s';
const DEFAULT_MAX: Duration = '5m';

/** A number from 0 on. */
function readNumber(name: string, given: number): number {
  if (typeof given === 'number' && given >= 0 && given < Infinity) return given;
  throw invalidValue(`backoff.${name}`, given, 'a number from 0');
}

const readDelay = (name: string, given: Duration): number => durationMs(given, `backoff.${name}`);

function readDelays(delays: readonly Duration[]): number[] {
  if (Array.isArray(delays)) return delays.map((delay: Duration, i) => readDelay(`delays[${i}]`, delay));
  throw invalidValue('backoff.delays', delays, 'a list of durations');
}

/** The options of each kind. */
const BACKOFF_NAMES: Readonly<Record<string, readonly string[]>> = {
  exponential: ['kind', 'initial', 'max', 'factor', 'jitter'],
  linear: ['kind', 'initial', 'step', 'max', 'jitter'],
  fixed: ['kind', 'delay', 'jitter'],
  list: ['kind', 'delays', 'jitter'],
  asynq: ['kind'],
} satisfies Record<BackoffOptions['kind'], readonly string[]>;

/** A backoff as it is stored, with its defaults. @throws TaskCenterError `invalid-value` */
export const backoffOf = (given: BackoffOptions): Backoff => callCheck('backoff', () => readBackoff(given));

function readBackoff(given: BackoffOptions): Backoff {
  if (typeof given !== 'object' || given === null) throw invalidValue('backoff', given, BACKOFF_KINDS);
  const known = new Set(BACKOFF_NAMES[given.kind]);
  const unknown = Object.keys(given).find((name) => known.size > 0 && !known.has(name));
  if (unknown !== undefined)
    throw unknownOption(unknown, { what: `a backoff of the kind ${given.kind}`, known }, 'backoff.');
  if (given.kind === 'asynq') return { kind: given.kind };
  const jitter = readNumber('jitter', given.jitter ?? DEFAULT_JITTER);
  switch (given.kind) {
    case 'exponential': {
      const { kind, initial = DEFAULT_INITIAL, max = DEFAULT_MAX, factor = DEFAULT_FACTOR } = given;
      const times = { initialMs: readDelay('initial', initial), maxMs: readDelay('max', max) };
      return { kind, ...times, factor: readNumber('factor', factor), jitter };
    }
    case 'linear': {
      const { kind, initial, step, max = DEFAULT_MAX } = given;
      const times = { initialMs: readDelay('initial', initial), stepMs: readDelay('step', step) };
      return { kind, ...times, maxMs: readDelay('max', max), jitter };
    }
    case 'fixed':
      return { kind: given.kind, delayMs: readDelay('delay', given.delay), jitter };
    case 'list':
      return { kind: given.kind, delaysMs: readDelays(given.delays), jitter };
    default:
      throw invalidValue('backoff.kind', (given as { readonly kind: unknown }).kind, BACKOFF_KINDS);
  }
}
