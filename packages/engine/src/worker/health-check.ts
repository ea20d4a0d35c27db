import type { Duration } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { durationMs } from '../checks/duration.ts';
import { createOptionsCheck, required } from '../checks/options.ts';
import { durationWithin, func, type ValueCheck } from '../checks/values.ts';
import { callHost } from '../runtime/call-host.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Checks now and then whether the broker answers. */
export interface HealthCheck {
  /** Time between two checks, at least 1 ms. Default 15 s, as in Asynq. */
  readonly every?: Duration;
  /** Called after each check. Null = the broker has answered. It may be async. An error of it is logged. */
  readonly report: (error: unknown) => unknown;
}

const checkHealthCheck = createOptionsCheck<HealthCheck>('a health check', {
  every: durationWithin({ min: '1ms' }),
  report: required(func),
});

export const healthCheck: ValueCheck = (value, name) => void checkHealthCheck(value, name);

const DEFAULT_EVERY: Duration = '15s';

/** The loop that checks. */
export function createHealthCheck(
  broker: Pick<Broker, 'ping'>,
  { every = DEFAULT_EVERY, report }: HealthCheck,
  runtime: Runtime,
): Loop {
  const everyMs = durationMs(every, 'healthCheck.every');
  return createLoop({
    name: 'health-check',
    runtime,
    failureMs: everyMs,
    async step(signal) {
      const failure: unknown = await broker.ping().then(
        () => null,
        (error: unknown) => error,
      );
      if (!signal.aborted)
        callHost(
          () => report(failure),
          (thrown) => runtime.log.error({ err: thrown }, 'the report of a health check threw an error'),
        );
      return everyMs;
    },
  });
}
