import type { Broker } from '../broker/broker.ts';
import { createPrepareTask } from '../client/prepare-task.ts';
import { createMaintenance } from '../loops/maintenance.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { createAggregator } from './aggregate/aggregator.ts';
import type { Demand } from './fetch/demand.ts';
import type { ExchangeLoop } from './fetch/exchange-loop.ts';
import { createWatchdog } from './fetch/watchdog.ts';
import { createHealthCheck } from './health-check.ts';
import type { WorkerOptions } from './options.ts';

/** Largest payload of a task that was made of many, bytes. It may be larger than that of other tasks. */
const MAX_AGGREGATE_BYTES = 4_194_304;

export interface BackgroundDeps {
  readonly broker: Broker;
  readonly runtime: Runtime;
  readonly demand: Demand;
  readonly exchanges: ExchangeLoop;
  /** The current queues. */
  queues(): readonly string[];
}

/**
 * What runs beside the tasks. The maintenance loops keep the queues in order, the aggregator makes one task of many, the
 * watchdog fetches again when calls hang, and the health check tells whether the broker answers.
 */
export interface Background {
  start(): void;
  /** Queues were added. */
  wake(): void;
  /** Begins to stop. */
  stop(): {
    /** Resolves when no set is being aggregated any more. */
    readonly aggregated: Promise<void> | undefined;
    /** Resolves when all else has stopped. */
    readonly stopped: Promise<unknown>;
  };
  /** Aborts aggregations that are still under way. */
  abort(): void;
}

export function createBackground(options: WorkerOptions, deps: BackgroundDeps): Background {
  const { broker, runtime, demand, exchanges, queues } = deps;
  const { aggregation, healthCheck, profile, maintenance: maintains = true, maxHistoryBytes } = options;
  const prepare = createPrepareTask({
    runtime,
    maxPayloadBytes: MAX_AGGREGATE_BYTES,
    ...(profile && { profile }),
  });
  const aggregator = aggregation && createAggregator(aggregation, { broker, runtime, prepare, queues });
  const maintenance = maintains ? createMaintenance({ broker, queues, runtime, maxHistoryBytes }) : undefined;
  const health = healthCheck && createHealthCheck(broker, healthCheck, runtime);
  const watchdog = createWatchdog({ broker, runtime, demand, exchanges });
  const loops = [maintenance, health, watchdog].filter((loop) => loop !== undefined);

  return {
    start() {
      for (const loop of loops) loop.start();
      aggregator?.start();
    },
    wake: () => maintenance?.wake(),
    stop() {
      const stopped = Promise.all(loops.map((loop) => loop.stop()));
      return { aggregated: aggregator?.stop(), stopped };
    },
    abort: () => aggregator?.abort(),
  };
}
