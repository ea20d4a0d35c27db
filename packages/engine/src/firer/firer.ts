import { GrowingPauses } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { ScheduleStore } from '../broker/schedules.ts';
import type { Log } from '../runtime/log.ts';
import { limitedLog } from '../runtime/limited-log.ts';
import { createLoop, poll, type Loop } from '../runtime/loop.ts';
import { StepTimes } from '../runtime/loop-watch.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { CalendarCache } from './calendar-cache.ts';
import { CalendarWatch } from './calendar-watch.ts';
import { createQueueLook } from './look-at-queue.ts';
import { Looks, type QueueLook } from './looks.ts';
import { SpecCache } from './spec-cache.ts';

/** Mean time between two surveys of all queues: they find what a lost signal should have told, and calendars that were edited. */
const SCHEDULE_SURVEY_MS = 5_000;
/** Queues that are looked at at the same time. */
const MAX_PARALLEL_LOOKS = 8;
/** A look that takes longer hangs. One that waits for a broker out of reach does so, too, and the broker is named beside it. */
const MAX_LOOK_MS = 60_000;
/** Longest sleep, however far the next look is away. */
const MAX_FIRER_SLEEP_MS = 60_000;
/** A queue whose next look could not be asked for is looked at again after this time. */
const UNKNOWN_LOOK_MS = 1_000;
/** Pauses of a queue that cannot be looked at. */
const FAILURE_PAUSES = { firstMs: 1_000, maxMs: 30_000, forgetMs: 60_000 };

export interface FirerDeps {
  readonly broker: Pick<Broker, 'documents'>;
  readonly schedules: ScheduleStore;
  /** Stored queues whose schedules are fired, called at each step. Another array when they have changed. */
  queues(): readonly string[];
  /** Called after each survey with those that have schedules. */
  onSurvey?(queues: readonly string[]): void;
  readonly runtime: Runtime;
}

/** Makes the function that looks at one queue. It never rejects: a queue that fails is left alone for a while. */
function createRun({ schedules, runtime }: FirerDeps, { looks, calendars, log }: RunParts) {
  const lookAt = createQueueLook({ schedules, calendars, specs: new SpecCache(), runtime, log });
  const pauses = new GrowingPauses(FAILURE_PAUSES);

  function fail(look: QueueLook, error: unknown): void {
    const nowMs = runtime.clock.monotonicMs();
    look.isFailing = true;
    look.lookAtMs = look.dueAtMs = nowMs + pauses.next(look.queue, nowMs);
    log.warn(
      { loop: 'firer', queue: look.queue, err: error },
      'the schedules of a queue could not be looked at',
    );
    runtime.events.emit('loop.failed', { loop: 'firer', error });
  }

  return async (look: QueueLook, signal: AbortSignal): Promise<void> => {
    look.isBusy = true;
    look.lookAtMs = look.dueAtMs = Infinity;
    try {
      const next = await lookAt(look.queue, signal);
      look.isFailing = false;
      looks.record(look, next ?? { queue: look.queue, nextLookMs: null, nextLookInMs: UNKNOWN_LOOK_MS });
    } catch (error) {
      if (!signal.aborted) fail(look, error);
    } finally {
      look.looks += 1;
      look.isBusy = false;
    }
  };
}

/** What looks share. */
interface RunParts {
  readonly looks: Looks;
  readonly calendars: CalendarCache;
  readonly log: Log;
}

/** Starts looks at queues, several at once: one that does not answer holds up no other. */
function createLookStarter(deps: FirerDeps, looks: Looks, calendars: CalendarCache) {
  const { runtime } = deps;
  const log = limitedLog(runtime.log, runtime.clock);
  const run = createRun(deps, { looks, calendars, log });
  const running = new Set<Promise<void>>();
  const times = new StepTimes(runtime.clock);

  return {
    /** Age of the oldest look under way, ms. */
    oldestMs: () => times.oldestMs(),
    /** Whether a further look must wait until one has ended. */
    get isFull(): boolean {
      return running.size >= MAX_PARALLEL_LOOKS;
    },
    start(due: readonly QueueLook[], signal: AbortSignal, onEnd: () => void): void {
      for (const look of due.slice(0, MAX_PARALLEL_LOOKS - running.size)) {
        const end = times.begin();
        const looking = run(look, signal).finally(() => {
          end();
          running.delete(looking);
          onEnd();
        });
        running.add(looking);
      }
    },
    /** Resolves when no look is under way. */
    async ended(): Promise<void> {
      await Promise.all(running);
      log.flush();
    },
  };
}

/** Finds queues with schedules, many in a call. An idle queue costs no more than its part of that. */
function createSurvey(deps: FirerDeps, looks: Looks, { calendars, onNews }: SurveyParts): Loop {
  const { schedules, runtime } = deps;
  const watch = new CalendarWatch(schedules, calendars);
  return createLoop({
    name: 'firer-survey',
    runtime,
    async step() {
      const all = looks.all();
      const before = all.map((look) => look.looks);
      const found = all.length > 0 ? await schedules.nextLooks(all.map(({ queue }) => queue)) : [];
      const news = found.filter((next, i) => next !== null && looks.recordSurvey(all[i]!, next, before[i]!));
      if (news.length > 0) onNews();
      const used = looks.used();
      deps.onSurvey?.(used);
      if (await watch.step(used)) return 0;
      // Spread, because many processes survey the same broker.
      return poll(SCHEDULE_SURVEY_MS * (0.75 + runtime.random() / 2));
    },
  });
}

/** What a survey shares with the loop. */
interface SurveyParts {
  readonly calendars: CalendarCache;
  /** Something must be looked at earlier than was known. */
  onNews(): void;
}

/**
 * Fires schedules: docs/design/engine.md#the-firer. Sleeps until the next look, and is woken by an earlier one. Any number of
 * processes may run it for the same queues; each takes another part of what is due.
 */
export function createFirer(deps: FirerDeps): Loop {
  const { schedules, queues, runtime } = deps;
  const looks = new Looks(queues, runtime.clock);
  const calendars = new CalendarCache(deps.broker, runtime.clock);
  const starter = createLookStarter(deps, looks, calendars);
  const firer = createLoop({
    name: 'firer',
    runtime,
    async step(signal) {
      starter.start(looks.due(), signal, () => firer.wake());
      // A look that ends wakes the loop.
      if (starter.isFull) return MAX_FIRER_SLEEP_MS;
      const { ms, dueMs } = looks.nextInMs();
      return {
        ms: Math.min(MAX_FIRER_SLEEP_MS, ms),
        dueMs,
        async until(ending) {
          for (const queue of await schedules.waitForLook(looks.quiet(), ending)) looks.markNow(queue);
        },
      };
    },
  });
  const survey = createSurvey(deps, looks, { calendars, onNews: () => firer.wake() });
  let unwatch: (() => void) | undefined;
  return {
    name: firer.name,
    start() {
      unwatch ??= runtime.loops?.add({
        name: 'firer-looks',
        maxStepMs: MAX_LOOK_MS,
        stepMs: starter.oldestMs,
      });
      survey.start();
      firer.start();
    },
    wake() {
      survey.wake();
      firer.wake();
    },
    async stop() {
      await Promise.all([survey.stop(), firer.stop()]);
      await starter.ended();
      unwatch?.();
      unwatch = undefined;
    },
  };
}
