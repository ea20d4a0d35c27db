// What tests of schedules write.
import type { FireWrite, NewFire } from '../../src/broker/fires.ts';
import {
  MAX_SCHEDULE_NAMES,
  type PutOutcome,
  type ScheduleFilter,
  type SchedulePlan,
  type SchedulePut,
  type ScheduleRecord,
} from '../../src/broker/schedule-records.ts';
import type { ScheduleStore } from '../../src/broker/schedules.ts';
import type { Bench } from '../conformance/harness.ts';
import { aTask } from './factories.ts';

/** The schedules of a broker that keeps them. */
export function schedulesOf({ broker }: Pick<Bench, 'broker'>): ScheduleStore {
  if (!broker.schedules) throw new Error('this broker keeps no schedules');
  return broker.schedules;
}

export function aPlan(overrides: Partial<SchedulePlan> = {}): SchedulePlan {
  return {
    ledger: '{"n":0}',
    lastFireMs: null,
    nextFireMs: null,
    nextLookMs: null,
    runs: 0,
    open: [],
    awaitsEnd: false,
    ...overrides,
  };
}

/** A schedule to write, and the plan that a scheduler then makes of it; null = none does. */
export interface PlannedPut extends SchedulePut {
  readonly plan: SchedulePlan | null;
}

/** Writes schedules, and the plans of those that were stored. */
export async function putAll(bench: Bench, ...puts: readonly PlannedPut[]): Promise<PutOutcome[]> {
  const { put, get, fire } = schedulesOf(bench);
  const outcomes = await put(puts.map(({ plan: _plan, ...schedule }) => schedule));
  const planned = puts.filter(({ plan }, i) => plan !== null && outcomes[i]?.code === 'stored');
  for (const queue of new Set(planned.map((one) => one.queue))) {
    const ofQueue = planned.filter((one) => one.queue === queue);
    for (let from = 0; from < ofQueue.length; from += MAX_SCHEDULE_NAMES) {
      const part = ofQueue.slice(from, from + MAX_SCHEDULE_NAMES);
      const { schedules } = await get(part.map(({ name }) => name));
      const writes = part.map(({ name, plan }, i) => ({
        name,
        stamp: schedules[i]!.stamp,
        fires: [],
        plan: plan!,
      }));
      await fire(queue, writes);
    }
  }
  return outcomes;
}

/** A new schedule `one` of the queue `default`, of the API. A test overrides only what matters to it. */
export function aSchedule(overrides: Partial<PlannedPut> = {}): PlannedPut {
  return {
    queue: 'default',
    name: 'one',
    expectedRevision: 0,
    spec: '{"cron":"* * * * *"}',
    business: null,
    owner: null,
    source: 'api',
    calendar: null,
    pauseReason: null,
    nextFireMs: null,
    plan: aPlan(),
    ...overrides,
  };
}

/** A fire now, with one task. */
export function aFire(bench: Bench, overrides: Partial<NewFire> = {}): NewFire {
  const fireMs = overrides.fireMs ?? bench.now();
  return { outcome: 'fired', fireMs, toMs: fireMs, count: 1, tasks: [aTask()], ...overrides };
}

/** Reads one schedule; fails if there is none. */
export async function readSchedule(bench: Bench, name = 'one'): Promise<ScheduleRecord> {
  const [schedule] = (await schedulesOf(bench).get([name])).schedules;
  if (!schedule) throw new Error(`there is no schedule ${name}`);
  return schedule;
}

/** The plan of a schedule, by default of `one`. */
type Planned = Partial<SchedulePlan> & { readonly name?: string };

/** The write of these fires, by a scheduler that has just read the schedule. */
export async function aWrite(
  bench: Bench,
  fires: readonly NewFire[],
  { name = 'one', ...plan }: Planned = {},
): Promise<FireWrite> {
  const { stamp } = await readSchedule(bench, name);
  return { name, stamp, fires, plan: aPlan(plan) };
}

/** Fires a schedule of the queue `default`; fails if that is refused. Returns the IDs of its tasks. */
export async function fireOnce(
  bench: Bench,
  fire: Partial<NewFire> = {},
  planned: Planned = {},
): Promise<string[]> {
  const fires = [aFire(bench, fire)];
  const [outcome] = await schedulesOf(bench).fire('default', [await aWrite(bench, fires, planned)]);
  if (outcome?.code !== 'fired') throw new Error(`it was not fired: ${outcome?.code}`);
  return fires[0]!.tasks.map(({ id }) => id);
}

/** All names that a filter finds, over all pages. */
export async function listNames(
  bench: Bench,
  filter: ScheduleFilter,
  { queues = ['default'], limit = 50 }: { queues?: readonly string[]; limit?: number } = {},
): Promise<string[]> {
  const names: string[] = [];
  let after: { queue: string; name: string } | null = null;
  do {
    const page: Awaited<ReturnType<ScheduleStore['list']>> = await schedulesOf(bench).list({
      ...filter,
      queues,
      limit,
      after,
    });
    names.push(...page.schedules.map(({ name }) => name));
    after = page.next;
  } while (after);
  return names;
}
