import type { Broker } from '../broker/broker.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Checks now and then whether the broker answers. */
export interface HealthCheck {
  /** Time between two checks, ms. Default 15,000, as in Asynq. */
  readonly everyMs?: number;
  /** Called after each check. Null = the broker has answered. An error that it throws is logged. */
  readonly report: (error: unknown) => void;
}

const DEFAULT_EVERY_MS = 15_000;

/** The loop that checks. */
export function createHealthCheck(
  broker: Pick<Broker, 'ping'>,
  { everyMs = DEFAULT_EVERY_MS, report }: HealthCheck,
  runtime: Runtime,
): Loop {
  return createLoop({
    name: 'health-check',
    runtime,
    failureMs: everyMs,
    async step(signal) {
      const failure: unknown = await broker.ping().then(
        () => null,
        (error: unknown) => error,
      );
      if (!signal.aborted) report(failure);
      return everyMs;
    },
  });
}
