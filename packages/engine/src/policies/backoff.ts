/** How long to wait before a retry. Spans in ms; `jitter` is the largest share added on top (0.25 = up to 25 %). */
export type Backoff =
  | {
      readonly kind: 'exponential';
      readonly initialMs: number;
      readonly maxMs: number;
      readonly factor: number;
      readonly jitter: number;
    }
  | {
      readonly kind: 'linear';
      readonly initialMs: number;
      readonly stepMs: number;
      readonly maxMs: number;
      readonly jitter: number;
    }
  | { readonly kind: 'fixed'; readonly delayMs: number; readonly jitter: number }
  | { readonly kind: 'list'; readonly delaysMs: readonly number[]; readonly jitter: number }
  /** Asynq's: with n retries before, n⁴ + 15 + (0 … 29) × (n + 1) s (protocol 4.5). */
  | { readonly kind: 'asynq' };

const isSpan = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value < Infinity;

/** What each kind has besides `kind`: finite numbers that are not negative, or a list of them. */
const PARTS: Readonly<Record<Backoff['kind'], readonly string[]>> = {
  exponential: ['initialMs', 'maxMs', 'factor', 'jitter'],
  linear: ['initialMs', 'stepMs', 'maxMs', 'jitter'],
  fixed: ['delayMs', 'jitter'],
  list: ['delaysMs', 'jitter'],
  asynq: [],
};

/** Whether a value of unknown make, such as stored data, is a backoff whose delays are numbers. */
export function isBackoff(value: unknown): value is Backoff {
  if (typeof value !== 'object' || value === null) return false;
  const parts = value as Readonly<Record<string, unknown>>;
  const kind = String(parts['kind']);
  if (!Object.hasOwn(PARTS, kind)) return false;
  return PARTS[kind as Backoff['kind']].every((name) => {
    const part = parts[name];
    return name === 'delaysMs' ? Array.isArray(part) && part.every(isSpan) : isSpan(part);
  });
}

/** What adds a share of chance to its delays. */
type Jittered = Exclude<Backoff, { readonly kind: 'asynq' }>;

const ASYNQ_CHANCES = 30;

function asynqMs(before: number, chance: number): number {
  return (before ** 4 + 15 + Math.floor(chance * ASYNQ_CHANCES) * (before + 1)) * 1_000;
}

/** The largest share that chance adds on top. */
export function jitterOf(backoff: Backoff): number {
  return backoff.kind === 'asynq' ? 0 : backoff.jitter;
}

function plainMs(n: number, backoff: Jittered): number {
  switch (backoff.kind) {
    case 'exponential':
      // 0 × Infinity is no number.
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

/** Longest wait before a retry `n`, jitter not counted. */
function capMs(backoff: Backoff): number {
  return backoff.kind === 'exponential' || backoff.kind === 'linear' ? backoff.maxMs : Infinity;
}

/** Ms before retry `n` (from 1): the policy's delay plus up to `jitter` of it, never over its maximum; `chance` in [0, 1). */
export function backoffMs(n: number, backoff: Backoff, chance: number): number {
  if (backoff.kind === 'asynq') return asynqMs(n - 1, chance);
  const ms = plainMs(n, backoff);
  return Math.round(Math.min(capMs(backoff), ms * (1 + backoff.jitter * chance)));
}
