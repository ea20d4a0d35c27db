import type { Broker } from '../broker/broker.ts';
import { createOptionsCheck, required } from '../checks/options.ts';
import { checkBroker, func, wholeNumber } from '../checks/values.ts';
import { wholeRuntime, type Runtime } from '../runtime/runtime.ts';
import type { Loop } from '../runtime/loop.ts';
import { MIN_HISTORY_BYTES, createSampling } from '../history/sampling.ts';
import { createFirer } from '../firer/firer.ts';
import { createScheduleViewer } from '../firer/schedule-viewer.ts';
import { createForwarder } from './forwarder.ts';
import { createJanitor } from './janitor.ts';
import { Needs } from './needs.ts';
import { createRecoverer } from './recoverer.ts';
import { createSurveyor } from './surveyor.ts';

export interface MaintenanceDeps {
  readonly broker: Pick<
    Broker,
    | 'maintain'
    | 'consume'
    | 'signals'
    | 'groups'
    | 'schedules'
    | 'scheduleView'
    | 'documents'
    | 'claims'
    | 'history'
    | 'keepsHistory'
    | 'inspect'
    | 'lifetime'
  >;
  /** Stored queues to keep in order, called at each step. Another array when they have changed. */
  queues(): readonly string[];
  /** Stored queues whose schedules are fired, in the same way. Default: `queues`. */
  firedQueues?(): readonly string[];
  readonly runtime: Runtime;
  /** Bytes that the history may take in the broker. Default 64 MiB. The instance that writes it decides. */
  readonly maxHistoryBytes?: number | undefined;
}

const checkDeps = createOptionsCheck<MaintenanceDeps>('createMaintenance', {
  broker: required((broker) => checkBroker(broker, 'maintain', 'signals')),
  queues: required(func),
  firedQueues: func,
  runtime: required(wholeRuntime),
  maxHistoryBytes: wholeNumber(MIN_HISTORY_BYTES),
});

/** The loops that keep queues in order. */
export interface Maintenance {
  /** @throws TaskCenterError `broker-closed` */
  start(): void;
  /** Runs the next step of every loop now. Call it after queues were added. */
  wake(): void;
  /** Resolves when the running steps have ended. */
  stop(): Promise<void>;
}

/** The firer, and beside it, where Go's tools may look, what shows them the schedules. None if the broker keeps no schedules. */
function createFirers({ broker, firedQueues, runtime }: FirersDeps): Pick<Loop, 'start' | 'wake' | 'stop'>[] {
  const { schedules, scheduleView: view } = broker;
  if (!schedules) return [];
  const viewer = view && createScheduleViewer({ broker, schedules, view, runtime });
  const onSurvey = (used: readonly string[]) => viewer?.follow(used);
  const firer = createFirer({ broker, schedules, queues: firedQueues, onSurvey, runtime });
  return [
    {
      start: () => firer.start(),
      wake: () => firer.wake(),
      async stop() {
        await firer.stop();
        await viewer?.stop();
      },
    },
  ];
}

/** What they need of the dependencies. */
type FirersDeps = Required<Pick<MaintenanceDeps, 'broker' | 'firedQueues' | 'runtime'>>;

/**
 * Creates surveyor, forwarder, recoverer, janitor and, if the broker keeps schedules, firer for the same queues, and what writes the
 * history of all queues. Any number of processes may run them; there is no leader.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function createMaintenance(given: MaintenanceDeps): Maintenance {
  const { broker, queues, firedQueues = queues, runtime, maxHistoryBytes } = checkDeps(given);
  const needs = new Needs(queues, runtime.clock);
  const deps = { broker, needs, runtime };
  const forwarder = createForwarder(deps);
  const recoverer = createRecoverer(deps);
  const surveyor = createSurveyor({
    ...deps,
    onNews({ isDue, isLeased }) {
      if (isDue) forwarder.wake();
      if (isLeased) recoverer.wake();
    },
  });
  const firers = createFirers({ broker, firedQueues, runtime });
  const sampling = createSampling({ broker, runtime, maxBytes: maxHistoryBytes });
  const loops = [surveyor, forwarder, recoverer, createJanitor(deps), ...firers, sampling];
  const maintenance: Maintenance = {
    start() {
      broker.lifetime.add(maintenance);
      for (const loop of loops) loop.start();
    },
    wake: () => loops.forEach((loop) => loop.wake()),
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
      broker.lifetime.delete(maintenance);
    },
  };
  return maintenance;
}
