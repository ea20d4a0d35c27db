import type { BrokerContent, StoredTask } from './broker-content.ts';
import type { Does, Line } from './history.ts';
import { now } from './history.ts';
import { histogram } from './recovery.ts';
import type { Run } from './run.ts';
import type { PlainSchedule } from './member.ts';

type Call = Extract<Line, { e: 'call' }>;

const SECOND_MS = 1_000;
/** Two clocks of one machine are compared: each is read in whole ms. */
const CLOCK_ERROR_MS = 5;
/** The fires that are due by then are made within this time, whatever was killed before. */
const SETTLE_MS = 30_000;
const POLL_MS = 250;

/** A task that a schedule made. */
interface FiredTask extends StoredTask {
  readonly meta: StoredTask['meta'] & { readonly schedule: string; readonly fireMs: number };
}

const isFired = (task: StoredTask): task is FiredTask =>
  task.meta?.schedule !== undefined && task.meta.fireMs !== undefined;

const firedTasks = ({ tasks }: BrokerContent): FiredTask[] => [...tasks.values()].filter(isFired);

/** The tasks of schedules, as if producers had enqueued them: what they do is in their payloads. */
export function callsOfFires(content: BrokerContent): Map<string, Call> {
  return new Map(
    firedTasks(content).map(({ id, maxRetries, payload }) => {
      const does = payload ? (JSON.parse(Buffer.from(payload).toString()) as Does) : {};
      return [id, { e: 'call', t: 0, member: 'schedule', id, queue: '', maxRetries, does }];
    }),
  );
}

const keyOf = (schedule: string, fireMs: number) => `${schedule} at ${new Date(fireMs).toISOString()}`;

/** I5: the fires that have more than one task for one shard. */
export function doubledFires(content: BrokerContent): string[] {
  const seen = new Set<string>();
  const doubled = new Set<string>();
  for (const { meta } of firedTasks(content)) {
    const fire = keyOf(meta.schedule, meta.fireMs);
    const key = `${fire} ${meta.shard?.[0] ?? 0}`;
    if (seen.has(key)) doubled.add(fire);
    seen.add(key);
  }
  return [...doubled];
}

/** The logical times that were made, by the stored name of the schedule, in order. */
export function madeTimes(content: BrokerContent): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { meta } of firedTasks(content)) {
    const known = times.get(meta.schedule);
    if (known) known.push(meta.fireMs);
    else times.set(meta.schedule, [meta.fireMs]);
  }
  for (const each of times.values()) each.sort((a, b) => a - b);
  return times;
}

/** Schedules that fire each second of a span. */
export interface EachSecond {
  readonly schedules: readonly PlainSchedule[];
  /** The first logical time, wall-clock ms. */
  readonly fromMs: number;
  /** After the last one. */
  readonly toMs: number;
}

/** What the schedules have in common. */
export interface EachSecondOptions {
  readonly count: number;
  readonly seconds: number;
  /** Used in turn. Default: `default`. */
  readonly queues?: readonly string[];
  /** Of all of them. */
  readonly options?: Partial<PlainSchedule>;
  /** What the tasks do, in turn. Default: nothing. */
  readonly does?: readonly Does[];
}

/**
 * Makes schedules with `catch_up` that fire each second. Their tasks are kept for an hour.
 *
 * @param given `leadMs`: until the first fire
 */
export function eachSecond(given: EachSecondOptions & { readonly leadMs: number }): EachSecond {
  const { count, seconds, queues = ['default'], leadMs, options = {}, does = [{}] } = given;
  const fromMs = Math.ceil((Date.now() + leadMs) / SECOND_MS) * SECOND_MS;
  const toMs = fromMs + seconds * SECOND_MS;
  const schedules = Array.from({ length: count }, (_, i): PlainSchedule => {
    const queue = queues[i % queues.length] ?? 'default';
    const payload = does[i % does.length] ?? {};
    return {
      id: `s-${i}`,
      ...(options.cron === undefined && { every: '1s' as const }),
      startsAtMs: fromMs,
      endsAtMs: toMs,
      misfire: { policy: 'catch_up', limit: 1_000 },
      task: { task: 'task', queue, payload, maxRetries: 0, retention: '1h' },
      ...options,
    };
  });
  return { schedules, fromMs, toMs };
}

/** The whole seconds of a span. */
const secondsOf = ({ fromMs, toMs }: Pick<EachSecond, 'fromMs' | 'toMs'>): number[] =>
  Array.from({ length: (toMs - fromMs) / SECOND_MS }, (_, i) => fromMs + i * SECOND_MS);

/** What is wrong with the fires of schedules that must be made each second: those that are missing, and others. */
export function fireFaults(content: BrokerContent, { schedules, ...span }: EachSecond): string[] {
  const made = madeTimes(content);
  const expected = secondsOf(span);
  return schedules.flatMap(({ id }) => {
    const times = new Set(made.get(id));
    const missing = expected.filter((fireMs) => !times.has(fireMs)).length;
    const others = [...times].filter((fireMs) => !expected.includes(fireMs)).length;
    return missing + others === 0
      ? []
      : [`${id}: of ${expected.length} fires ${missing} are missing, and there are ${others} others`];
  });
}

/** Milliseconds from each logical time to the moment at which its task was stored or started: negative = early. */
export function lateMs(lines: readonly Line[], content: BrokerContent, originMs: number): number[] {
  const fireOf = new Map(firedTasks(content).map(({ id, meta }) => [id, meta.fireMs]));
  return lines.flatMap((line) => {
    if (line.e === 'fired') return [line.t + originMs - line.fireMs];
    const fireMs = line.e === 'start' ? fireOf.get(line.id) : undefined;
    return fireMs === undefined ? [] : [line.t + originMs - fireMs];
  });
}

/** Resolves when the span is over and as many tasks have started as there are fires, or when that takes too long. */
async function fired(run: Run, { schedules, fromMs, toMs }: EachSecond): Promise<void> {
  const expected = (schedules.length * (toMs - fromMs)) / SECOND_MS;
  const starts = () => new Set(run.lines().flatMap((line) => (line.e === 'start' ? [line.id] : []))).size;
  const pause = (ms: number) => new Promise((resolve) => void setTimeout(resolve, ms));
  await pause(Math.max(0, toMs - Date.now()));
  for (const endMs = toMs + SETTLE_MS; Date.now() < endMs && starts() < expected;) await pause(POLL_MS);
}

/** Reports how late fires were. @throws Error if one was early */
function reportLateness(run: Run): void {
  if (run.content === null) throw new Error('the experiment has not finished');
  const originMs = Date.now() - now();
  const stored = run.lines().filter(({ e }) => e === 'fired');
  const late = histogram(lateMs(stored, run.content, originMs));
  if (late) run.fact('late, ms', `${late.p50} / ${late.p99} / ${late.max} (p50 / p99 / longest)`);
  const earliest = Math.min(...lateMs(run.lines(), run.content, originMs));
  if (earliest < -CLOCK_ERROR_MS) throw new Error(`a fire was ${Math.round(-earliest)} ms early (I5)`);
}

/**
 * Ends an experiment with schedules that fire each second: waits for their fires, finishes the run, and compares.
 *
 * @throws Error if one is missing, early, or made twice
 */
export async function finishFires(run: Run, span: EachSecond): Promise<void> {
  await fired(run, span);
  const expected = (span.schedules.length * (span.toMs - span.fromMs)) / SECOND_MS;
  try {
    await run.finish();
  } finally {
    const of = new Set(span.schedules.map(({ id }) => id));
    const made = run.content && firedTasks(run.content).filter(({ meta }) => of.has(meta.schedule));
    if (made) run.fact('fires', `${made.length} of ${expected}`);
  }
  const faults = run.content ? fireFaults(run.content, span) : [];
  if (faults.length > 0)
    throw new Error(
      `${faults.length} schedules did not fire as they should (I5): ${faults.slice(0, 5).join('; ')}`,
    );
  reportLateness(run);
}
