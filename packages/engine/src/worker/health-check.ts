import type { Broker } from '../broker/broker.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Somebody who wants to know whether the broker answers. */
export interface HealthCheck {
  /** Time between two checks, ms. Default 15,000, as in Asynq. */
  readonly everyMs?: number;
  /** Called after each check: null = it answers. What it throws is logged. */
  readonly report: (error: unknown) => void;
}

const EVERY_MS = 15_000;

export function createHealthCheck(
  broker: Pick<Broker, 'ping'>,
  { everyMs = EVERY_MS, report }: HealthCheck,
  runtime: Runtime,
): Loop {
  return createLoop({
    name: 'health-check',
    runtime,
    failureMs: everyMs,
    async step(signal) {
      const found: unknown = await broker.ping().then(
        () => null,
        (error: unknown) => error,
      );
      if (!signal.aborted) report(found);
      return everyMs;
    },
  });
}
