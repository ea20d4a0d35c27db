import { MAX_BATCH, MAX_BATCH_BYTES } from '../broker/bounds.ts';
import type { FireWriteOutcome } from '../broker/fires.ts';
import type { DueSchedule, DueSchedules, NextLook, ScheduleStore } from '../broker/schedules.ts';
import type { Log } from '../runtime/log.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { CalendarCache } from './calendar-cache.ts';
import { hasOtherDays } from './calendar-watch.ts';
import { decide, putOff, type Decided } from './plan-write.ts';
import { mayHaveFormerTimes, type ReadSpec, type SpecCache } from './spec-cache.ts';
import { createYearTeller, tellWritten } from './tell.ts';

export interface QueueLookDeps {
  readonly schedules: ScheduleStore;
  readonly calendars: CalendarCache;
  readonly specs: SpecCache;
  readonly runtime: Runtime;
  readonly log: Log;
}

/** For this long schedules are decided about before the event loop has its turn, ms. */
const MAX_WORK_MS = 5;
/** Parts of what is due that one look hands out: other queues have their turn then. */
const MAX_PARTS = 8;
/** A schedule that cannot be read is looked at again after this time, ms: somebody may have mended it by then. */
const UNREADABLE_LOOK_MS = 60_000;

const eventLoopTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** A schedule that was decided about. */
interface DecidedSchedule extends Decided {
  readonly due: DueSchedule;
  /** Null = what is stored of it cannot be used. */
  readonly read: ReadSpec | null;
}

/** What one call writes. */
class FireBatch {
  /** When its schedules were handed out, by the broker's clock. */
  readonly nowMs: number;
  readonly items: DecidedSchedule[] = [];
  #tasks = 0;
  #bytes = 0;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  /** One that is larger than a call should be still has a call of its own. */
  hasRoomFor({ tasks, bytes }: DecidedSchedule): boolean {
    if (this.items.length === 0) return true;
    return this.#tasks + tasks <= MAX_BATCH && this.#bytes + bytes <= MAX_BATCH_BYTES;
  }

  add(item: DecidedSchedule): void {
    this.items.push(item);
    this.#tasks += item.tasks;
    this.#bytes += item.bytes;
  }
}

/** Makes the function that decides about one schedule. An error of one harms no other. */
function createDecider({ calendars, specs, runtime, log }: QueueLookDeps) {
  const { newId } = runtime;
  return (due: DueSchedule, nowMs: number): DecidedSchedule => {
    try {
      const calendar = due.calendar === null ? null : calendars.of(due.calendar);
      const read = specs.read(due, calendar, calendars);
      return { due, read, ...decide({ due, read, nowMs, newId }) };
    } catch (err) {
      log.error({ queue: due.queue, schedule: due.name, err }, 'a schedule cannot be read; it does not fire');
      return { due, read: null, ...putOff(due, nowMs + UNREADABLE_LOOK_MS) };
    }
  };
}

/** Reads the calendars that schedules name, and again if one of them was planned with other days: those may be newer. */
async function readCalendars(schedules: readonly DueSchedule[], calendars: CalendarCache): Promise<void> {
  const followers = schedules.filter(({ calendar }) => calendar !== null);
  if (followers.length === 0 && !schedules.some(mayHaveFormerTimes)) return;
  await calendars.refresh();
  if (followers.some((due) => hasOtherDays(due, calendars.of(due.calendar!)))) await calendars.refresh(0);
}

const writesOf = (items: readonly DecidedSchedule[]) => items.map(({ write }) => write);

/** Tells which fires were refused, one line for each cause. */
function tellRefused(log: Log, queue: string, outcomes: readonly FireWriteOutcome[]): void {
  const causes = outcomes.flatMap((each) => (each.code === 'refused' ? [each.cause] : []));
  for (const cause of new Set(causes)) {
    const count = causes.filter((each) => each === cause).length;
    log.warn({ queue, cause, schedules: count }, 'fires were refused; they stay due until their grace ends');
  }
}

/** Makes the function that writes a batch, and tells what has come of it. */
function createBatchWriter({ schedules, runtime, log }: QueueLookDeps) {
  const tellYear = createYearTeller({ events: runtime.events, log });

  function tellFired(
    items: readonly DecidedSchedule[],
    outcomes: readonly FireWriteOutcome[],
    nowMs: number,
  ) {
    for (const [i, item] of items.entries()) {
      // Of the others nothing is written: another scheduler was faster, or the broker hands them out again in a moment.
      if (outcomes[i]?.code !== 'fired') continue;
      const { due, read, write, spans } = item;
      spans?.end();
      tellWritten({ events: runtime.events, log }, item, nowMs);
      const last = write.fires.at(-1);
      if (read !== null && last) tellYear(due, read, last.toMs);
    }
  }

  /** The queue takes no tasks: what needs none is written all the same. */
  async function writeRefused(
    queue: string,
    refused: readonly DecidedSchedule[],
    nowMs: number,
  ): Promise<void> {
    const items = refused.flatMap((item) => {
      const { due, read } = item;
      if (read === null) return [];
      return [{ ...item, ...decide({ due, read, nowMs, newId: runtime.newId, isRefused: true }) }];
    });
    if (items.length > 0) tellFired(items, await schedules.fire(queue, writesOf(items)), nowMs);
  }

  return async (queue: string, { items, nowMs }: FireBatch): Promise<void> => {
    if (items.length === 0) return;
    const outcomes = await schedules.fire(queue, writesOf(items));
    tellFired(items, outcomes, nowMs);
    tellRefused(log, queue, outcomes);
    const refused = items.filter((_, i) => outcomes[i]?.code === 'refused');
    await writeRefused(queue, refused, nowMs);
  };
}

/** Writes batches one after the other, while the next one is decided about. */
class WriteBehind {
  readonly #write: (batch: FireBatch) => Promise<void>;
  /** Rejects when what was given last could not be written. */
  #writing: Promise<void> = Promise.resolve();

  constructor(write: (batch: FireBatch) => Promise<void>) {
    this.#write = write;
  }

  /** Starts to write when what was given before is written. @throws what that has thrown */
  async add(batch: FireBatch): Promise<void> {
    await this.#writing;
    this.#writing = this.#write(batch);
    // The next call of `add` or `end` throws it.
    this.#writing.catch(() => {});
  }

  /** Resolves when all is written. */
  end(): Promise<void> {
    return this.#writing;
  }
}

/** What one look shares. */
interface QueueLookRun {
  /** Where batches go when they are full. */
  readonly written: WriteBehind;
  readonly signal: AbortSignal;
}

/** Makes the function that decides about what was handed out. What is not written when the signal aborts is handed out again. */
function createPartDecider(deps: QueueLookDeps) {
  const { runtime, calendars } = deps;
  const decideOne = createDecider(deps);

  return async (
    { schedules: due, nowMs }: DueSchedules,
    { written, signal }: QueueLookRun,
  ): Promise<void> => {
    await readCalendars(due, calendars);
    let batch = new FireBatch(nowMs);
    let sinceMs = runtime.clock.monotonicMs();
    for (const schedule of due) {
      if (signal.aborted) return;
      const item = decideOne(schedule, nowMs);
      if (!batch.hasRoomFor(item)) {
        await written.add(batch);
        batch = new FireBatch(nowMs);
      }
      batch.add(item);
      if (runtime.clock.monotonicMs() - sinceMs < MAX_WORK_MS) continue;
      // Handlers of the same process must not wait for a long list of schedules.
      await eventLoopTurn();
      sinceMs = runtime.clock.monotonicMs();
    }
    await written.add(batch);
  };
}

/**
 * Makes the function that looks at the schedules of a queue once: it decides about what is due, in parts of up to 256, and writes that in
 * calls of bounded size. The broker hands out a part and writes another one while a third is decided about. Resolves to the next look
 * of the queue; null = it could not be asked.
 */
export function createQueueLook(deps: QueueLookDeps) {
  const { schedules } = deps;
  const decidePart = createPartDecider(deps);
  const write = createBatchWriter(deps);

  return async (queue: string, signal: AbortSignal): Promise<NextLook | null> => {
    const written = new WriteBehind((batch) => write(queue, batch));
    const handOut = () => schedules.due(queue, MAX_BATCH);
    try {
      let found = await handOut();
      if (found.schedules.length === 0) return found;
      for (let parts = 1; ; parts += 1) {
        // More is asked for only where more is due: an empty answer would cost a call for nothing.
        const isLast = found.nextLookInMs !== 0 || parts === MAX_PARTS || signal.aborted;
        const [next] = await Promise.all([isLast ? null : handOut(), decidePart(found, { written, signal })]);
        if (!next || next.schedules.length === 0) break;
        found = next;
      }
    } finally {
      // The loop must not stop, nor look again, while a write is under way.
      await written.end();
    }
    // Others may have written meanwhile, too: the broker knows best what comes next.
    return await schedules.nextLookOf(queue);
  };
}
