import type { BrokerContent, StoredTask } from './broker-content.ts';
import type { Does, Line } from './history.ts';
import type { PlainSchedule } from './member.ts';

type Call = Extract<Line, { e: 'call' }>;

const SECOND_MS = 1_000;

/** A task that a schedule made. */
interface FiredTask extends StoredTask {
  readonly meta: StoredTask['meta'] & { readonly schedule: string; readonly fireMs: number };
}

const isFired = (task: StoredTask): task is FiredTask =>
  task.meta?.schedule !== undefined && task.meta.fireMs !== undefined;

/** All tasks of schedules. */
export const firedTasks = ({ tasks }: BrokerContent): FiredTask[] => [...tasks.values()].filter(isFired);

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
