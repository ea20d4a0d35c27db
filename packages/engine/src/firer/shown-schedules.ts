import { MAX_FIRES, MAX_UPCOMING, type UpcomingFire } from '../broker/fires.ts';
import type { ScheduleRef } from '../broker/schedule-records.ts';
import type { ScheduleView, ShownSchedule } from '../broker/schedule-view.ts';
import type { ScheduleStore } from '../broker/schedules.ts';
import type { Clock } from '../runtime/clock.ts';
import { mapBounded } from '../runtime/map-bounded.ts';
import { shownSchedule } from './shown-schedule.ts';

/** For how long schedules are shown: longer than it takes until another process has the claim of one that died. */
const SHOWN_MS = 30_000;
/** A schedule is read again after this time, although its next fire is the same: somebody has edited it, or has run it now. */
const REREAD_MS = 60_000;
/** Fires are written again after this time, before they expire. */
const FIRES_AGAIN_MS = 600_000;
const FIRES_SHOWN_MS = 2 * FIRES_AGAIN_MS;
/** Schedules that are read by one call: a single one may have a megabyte. */
const SPECS_AT_ONCE = 32;
/** Schedules whose fires are written in one step. Others follow, those that have waited longest first. */
const FIRES_AT_ONCE = 100;
/** Calls for these that are under way at the same time. More would hold Redis as one long script does. */
const MAX_PARALLEL_FIRES = 4;
/** Queues in one question for what fires next. */
const QUEUES_AT_ONCE = 500;

/** Asks for all that will fire. */
const ALWAYS = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

/** A schedule that is shown. Times are monotonic. */
interface KnownSchedule extends ScheduleRef {
  /** As it was when it was read. */
  readonly nextFireMs: number;
  readonly readMs: number;
  readonly stamp: number;
  /** Null = there is nothing to show of it. */
  readonly shown: ShownSchedule | null;
  /** The stamp that its fires were written at; 0 = they were not. */
  firesStamp: number;
  firesMs: number;
}

export interface ShownSchedulesDeps {
  readonly schedules: Pick<ScheduleStore, 'upcoming' | 'get' | 'fires'>;
  readonly view: ScheduleView;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** The schedules that Go's tools are shown: the soonest ones, and what has fired of them. Only what has changed is read again. */
export class ShownSchedules {
  readonly #deps: ShownSchedulesDeps;
  #byName = new Map<string, KnownSchedule>();

  constructor(deps: ShownSchedulesDeps) {
    this.#deps = deps;
  }

  /**
   * Shows the soonest schedules of these queues, and what has fired of some of them. Once `isAllowed` is false it writes nothing more.
   */
  async refresh(queues: readonly string[], isAllowed: () => boolean): Promise<void> {
    const before = this.#byName;
    const known = await this.#read(await this.#soonest(queues));
    if (!isAllowed()) return;
    this.#byName = known;
    const shown = [...known.values()].flatMap((one) => one.shown ?? []);
    await this.#deps.view.show(shown, SHOWN_MS);
    const gone = [...before.values()].filter(({ name, firesMs }) => firesMs > -Infinity && !known.has(name));
    if (gone.length > 0 && isAllowed()) await this.#deps.view.hideFires(gone.map(({ name }) => name));
    await this.#showFires(isAllowed);
  }

  /** The soonest first. */
  async #soonest(queues: readonly string[]): Promise<UpcomingFire[]> {
    const found: UpcomingFire[] = [];
    for (let from = 0; from < queues.length; from += QUEUES_AT_ONCE) {
      const part = queues.slice(from, from + QUEUES_AT_ONCE);
      found.push(...(await this.#deps.schedules.upcoming(part, { span: ALWAYS, limit: MAX_UPCOMING })));
    }
    return found.sort((a, b) => a.nextFireMs - b.nextFireMs).slice(0, MAX_UPCOMING);
  }

  /** What is known of these schedules. Those that are new, or whose fire has passed, are read. */
  async #read(soonest: readonly UpcomingFire[]): Promise<Map<string, KnownSchedule>> {
    const nowMs = this.#deps.clock.monotonicMs();
    const known = new Map<string, KnownSchedule>();
    const toRead: UpcomingFire[] = [];
    for (const fire of soonest) {
      const before = this.#byName.get(fire.name);
      const isSame = before?.nextFireMs === fire.nextFireMs && before.queue === fire.queue;
      if (before) known.set(fire.name, before);
      if (!isSame || nowMs - before.readMs >= REREAD_MS) toRead.push(fire);
    }
    for (let from = 0; from < toRead.length; from += SPECS_AT_ONCE) {
      const names = toRead.slice(from, from + SPECS_AT_ONCE).map(({ name }) => name);
      const { schedules } = await this.#deps.schedules.get(names);
      names.forEach((name, i) => {
        const record = schedules[i];
        const { firesStamp = 0, firesMs = -Infinity } = known.get(name) ?? {};
        // It was removed at this moment.
        if (!record || record.nextFireMs === null) return void known.delete(name);
        const { queue, nextFireMs, stamp } = record;
        const shown = shownSchedule(record);
        known.set(name, { queue, name, nextFireMs, readMs: nowMs, stamp, shown, firesStamp, firesMs });
      });
    }
    return known;
  }

  /** Writes the fires of those that have changed, and of those whose fires would expire. */
  async #showFires(isAllowed: () => boolean): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    const due = [...this.#byName.values()]
      .filter(({ stamp, firesStamp, firesMs }) => stamp !== firesStamp || nowMs - firesMs >= FIRES_AGAIN_MS)
      .sort((a, b) => (a.firesMs === b.firesMs ? 0 : a.firesMs - b.firesMs));
    await mapBounded(due.slice(0, FIRES_AT_ONCE), MAX_PARALLEL_FIRES, async (one) => {
      const { queue, name } = one;
      const { fires } = await this.#deps.schedules.fires({ queue, name, limit: MAX_FIRES, before: null });
      if (!isAllowed()) return;
      const events = fires.flatMap(({ taskId, atMs }) => (taskId === null ? [] : [{ taskId, atMs }]));
      await this.#deps.view.showFires(name, { events, ttlMs: FIRES_SHOWN_MS });
      one.firesStamp = one.stamp;
      one.firesMs = nowMs;
    });
  }
}
