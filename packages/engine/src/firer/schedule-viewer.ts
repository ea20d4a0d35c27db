import type { Broker } from '../broker/broker.ts';
import type { ScheduleView } from '../broker/schedule-view.ts';
import type { ScheduleStore } from '../broker/schedules.ts';
import { createClaimedLoop } from '../leases/claimed-loop.ts';
import { poll, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { ShownSchedules } from './shown-schedules.ts';

/** Names the claim: one process at a time shows schedules. */
const VIEW_CLAIM = 'schedule-view';
const REFRESH_MS = 5_000;
/** All queues are searched for schedules this often, also those that this process does not fire. */
const SEARCH_MS = 60_000;

export interface ScheduleViewerDeps {
  readonly broker: Pick<Broker, 'claims' | 'inspect'>;
  readonly schedules: ScheduleStore;
  readonly view: ScheduleView;
  readonly runtime: Runtime;
}

/** Shows schedules to Go's tools while there are any. */
export interface ScheduleViewer {
  /** Takes the queues with schedules that this process fires, after each survey. None = this process has no part in it. */
  follow(queues: readonly string[]): void;
  /** Resolves when it has stopped, and another process can have the claim. What is shown then expires, unless that one goes on. */
  stop(): Promise<void>;
}

/** Finds the queues of the whole broker that have schedules: other processes may fire those that this one does not know. */
function createQueueSearch({ broker, schedules, runtime }: ScheduleViewerDeps) {
  let found: readonly string[] = [];
  let searchedMs = -Infinity;
  return async (): Promise<readonly string[]> => {
    const nowMs = runtime.clock.monotonicMs();
    if (nowMs - searchedMs < SEARCH_MS) return found;
    const looks = await schedules.nextLooks(await broker.inspect.queues());
    found = looks.flatMap((look) => (look && look.nextLookMs !== null ? [look.queue] : []));
    searchedMs = nowMs;
    return found;
  };
}

/** The loop under the claim. What another process has shown meanwhile is not known here: a new claim begins anew. */
function createViewLoop(deps: ScheduleViewerDeps, followed: () => readonly string[]): Loop {
  const { broker, runtime } = deps;
  const { clock } = runtime;
  const search = createQueueSearch(deps);
  let shown = new ShownSchedules({ ...deps, clock });
  let token = 0;
  return createClaimedLoop({
    name: 'schedule-view',
    claims: broker.claims,
    claim: VIEW_CLAIM,
    runtime,
    failureMs: REFRESH_MS,
    async step(held) {
      if (held.token !== token) shown = new ShownSchedules({ ...deps, clock });
      token = held.token;
      const queues = new Set([...(await search()), ...followed()]);
      await shown.refresh([...queues], () => held.isHeld());
      return poll(REFRESH_MS);
    },
  });
}

/** It runs beside the firer, which tells it what there is: a process without schedules does not even try to have the claim. */
export function createScheduleViewer(deps: ScheduleViewerDeps): ScheduleViewer {
  let followed: readonly string[] = [];
  let loop: Loop | null = null;
  let stopping: Promise<unknown> = Promise.resolve();

  function end(): void {
    if (loop !== null) stopping = Promise.all([stopping, loop.stop()]);
    loop = null;
  }

  return {
    follow(queues) {
      followed = queues;
      if (queues.length === 0) return end();
      if (loop !== null) return;
      loop = createViewLoop(deps, () => followed);
      loop.start();
    },
    async stop() {
      end();
      await stopping;
    },
  };
}
