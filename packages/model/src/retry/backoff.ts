/**
 * How long to wait before each retry. All times are ms, finite and not negative. `jitter` is the largest share of a
 * delay that is added to it by chance: 0.25 = up to 25 %. It spreads retries of tasks that failed together.
 */
export type Backoff =
  /** `initialMs`, multiplied by `factor` before each further retry; with its jitter at most `maxMs`. */
  | {
      readonly kind: 'exponential';
      readonly initialMs: number;
      readonly maxMs: number;
      readonly factor: number;
      readonly jitter: number;
    }
  /** `initialMs`, then `stepMs` more before each further retry; with its jitter at most `maxMs`. */
  | {
      readonly kind: 'linear';
      readonly initialMs: number;
      readonly stepMs: number;
      readonly maxMs: number;
      readonly jitter: number;
    }
  /** Always `delayMs`. */
  | { readonly kind: 'fixed'; readonly delayMs: number; readonly jitter: number }
  /** One delay for each retry; the last one is repeated. An empty list means no delay. */
  | { readonly kind: 'list'; readonly delaysMs: readonly number[]; readonly jitter: number }
  /** Asynq's own formula: after n retries, n⁴ + 15 + (0 … 29 by chance) × (n + 1) seconds, without a maximum. */
  | { readonly kind: 'asynq' };

const isDelay = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value < Infinity;

/** The fields of each kind besides `kind`: finite numbers that are not negative, or a list of them. */
export const BACKOFF_FIELDS: Readonly<Record<Backoff['kind'], readonly string[]>> = {
  exponential: ['initialMs', 'maxMs', 'factor', 'jitter'],
  linear: ['initialMs', 'stepMs', 'maxMs', 'jitter'],
  fixed: ['delayMs', 'jitter'],
  list: ['delaysMs', 'jitter'],
  asynq: [],
};

/** Whether an unchecked value, such as stored data, is a backoff with all of its fields. */
export function isBackoff(value: unknown): value is Backoff {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  const kind = String(fields['kind']);
  if (!Object.hasOwn(BACKOFF_FIELDS, kind)) return false;
  return BACKOFF_FIELDS[kind as Backoff['kind']].every((name) => {
    const field = fields[name];
    return name === 'delaysMs' ? Array.isArray(field) && field.every(isDelay) : isDelay(field);
  });
}

/** The kinds that have a `jitter`. */
type Jittered = Exclude<Backoff, { readonly kind: 'asynq' }>;

/** Asynq multiplies a random integer from 0 to 29. */
const ASYNQ_RANDOM_VALUES = 30;

function asynqMs(retried: number, chance: number): number {
  return (retried ** 4 + 15 + Math.floor(chance * ASYNQ_RANDOM_VALUES) * (retried + 1)) * 1_000;
}

/** The largest share of a delay that is added by chance; 0 where the kind has its own randomness. */
export function jitterOf(backoff: Backoff): number {
  return backoff.kind === 'asynq' ? 0 : backoff.jitter;
}

/** The delay before retry `n`, without jitter. */
function unjitteredMs(n: number, backoff: Jittered): number {
  switch (backoff.kind) {
    case 'exponential':
      // For a large n the power is Infinity, and 0 × Infinity is NaN.
      if (backoff.initialMs === 0) return 0;
      return Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** (n - 1));
    case 'linear':
      return Math.min(backoff.maxMs, backoff.initialMs + backoff.stepMs * (n - 1));
    case 'fixed':
      return backoff.delayMs;
    case 'list':
      return backoff.delaysMs[Math.min(n, backoff.delaysMs.length) - 1] ?? 0;
  }
}

/** The maximum of a delay, jitter included; Infinity where the kind has none. */
function capMs(backoff: Backoff): number {
  return backoff.kind === 'exponential' || backoff.kind === 'linear' ? backoff.maxMs : Infinity;
}

/** The random number of a caller, which may be none: no broker can store a delay of NaN. */
export const usableChance = (chance: number): number => (chance >= 0 && chance < 1 ? chance : 0);

/**
 * The delay before retry `n` (from 1) in whole ms. Jitter adds a random part, up to the factor `jitter` of the delay. The
 * result never exceeds the maximum of the backoff.
 *
 * @param chance a random number in [0, 1)
 */
export function backoffMs(n: number, backoff: Backoff, chance: number): number {
  const share = usableChance(chance);
  if (backoff.kind === 'asynq') return asynqMs(n - 1, share);
  const ms = unjitteredMs(n, backoff);
  return Math.round(Math.min(capMs(backoff), ms * (1 + backoff.jitter * share)));
}
