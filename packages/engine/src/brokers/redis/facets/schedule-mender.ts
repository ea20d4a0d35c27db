// The janitor's walk over schedules: it mends what crashed or foreign processes left behind, some in each call.
import type { Candidate } from '../../../broker/check.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import { runOverReachableQueues } from '../calls/over-queues.ts';
import type { RedisDeps } from '../deps.ts';
import { check, checkSchedules, SCHEDULE_INDEXES } from '../scripts/check/table.ts';
import { LOOKS_AT_ONCE, type LookOfQueue, scheduleLooks } from '../scripts/schedules/table.ts';
import { examineEntry, leftEntries, unregistered } from './registry-check.ts';

/** Queues with schedules that one call looks at. */
const MAX_QUEUES = 16;
/** Candidates that the script `check` takes at once. */
const MAX_CANDIDATES = 100;

/** Where the walk over a queue goes on. */
interface WalkPlace {
  /** In `SCHEDULE_INDEXES`. */
  index: number;
  cursor: string;
  /** Where the comparison with the registry goes on: behind this name. */
  after: string;
}

/** Compares entries of the registry again with the queues, and mends those that are wrong. */
async function mendEntries({ client, runtime }: RedisDeps, wrong: readonly Candidate[]): Promise<void> {
  for (const candidate of wrong) {
    const fault = await examineEntry(client, candidate, true);
    const { name: schedule, at: queue } = candidate;
    if (fault) runtime.log.warn({ schedule, queue, ...fault }, 'the registry of schedules was mended');
  }
}

/** Mends a page of schedules or runs of a queue, and compares a page of its names with the registry. */
async function mendQueue(deps: RedisDeps, queue: string, place: WalkPlace): Promise<void> {
  const { client, runtime } = deps;
  const index = SCHEDULE_INDEXES[place.index]!;
  const page = await client.run(checkSchedules, { queue, index, cursor: place.cursor });
  const candidates = page.candidates.slice(0, MAX_CANDIDATES);
  // A step of the walk is no proof: the script looks again, at all that belongs to the schedule.
  const faults = candidates.length > 0 ? await client.run(check, { queue, candidates, repair: true }) : [];
  faults.forEach((fault, i) => {
    if (!fault) return;
    const about = { queue, name: candidates[i]?.name, ...fault };
    if (fault.done !== null) runtime.log.warn(about, 'a schedule was mended');
    else runtime.log.error(about, 'a schedule is damaged: put it anew, or remove it');
  });
  place.cursor = page.cursor;
  if (page.cursor === '0') place.index = (place.index + 1) % SCHEDULE_INDEXES.length;
  const { last, wrong } = await unregistered(client, queue, place.after);
  place.after = last ?? '';
  await mendEntries(deps, wrong);
}

/** A master that is down must not keep the other queues from being mended. */
async function unlessUnavailable(mend: Promise<void>): Promise<void> {
  try {
    await mend;
  } catch (error) {
    if (!isTaskCenterError(error, 'broker-unavailable')) throw error;
  }
}

/** Makes the function that walks on in some of these queues, and in the registry. */
export function createScheduleMender(deps: RedisDeps) {
  const { client } = deps;
  const places = new Map<string, WalkPlace>();
  let registryCursor = '0';

  async function mendRegistry(): Promise<void> {
    const { cursor, wrong } = await leftEntries(client, registryCursor);
    registryCursor = cursor;
    await mendEntries(deps, wrong);
  }

  return async (queues: readonly string[]): Promise<void> => {
    const options = { queues, perCall: LOOKS_AT_ONCE, none: [null] };
    const looks = await runOverReachableQueues<LookOfQueue | null>(client, scheduleLooks, options);
    for (const look of looks) {
      if (look && !look.hasSchedules) places.delete(look.queue);
      else if (look && !places.has(look.queue)) places.set(look.queue, { index: 0, cursor: '0', after: '' });
    }
    for (const [queue, place] of [...places].slice(0, MAX_QUEUES)) {
      // It goes to the end: the next call begins with another one.
      places.delete(queue);
      places.set(queue, place);
      await unlessUnavailable(mendQueue(deps, queue, place));
    }
    await unlessUnavailable(mendRegistry());
  };
}
