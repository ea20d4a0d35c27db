import type { Broker } from '../../broker/broker.ts';
import { createLoop, poll, type Loop } from '../../runtime/loop.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Demand } from './demand.ts';
import type { ExchangeLoop } from './exchange-loop.ts';

export interface WatchdogDeps {
  readonly broker: Pick<Broker, 'ping'>;
  readonly runtime: Runtime;
  readonly demand: Pick<Demand, 'stuckForMs'>;
  readonly exchanges: Pick<ExchangeLoop, 'revive'>;
}

/** Time between two checks. */
const WATCH_INTERVAL_MS = 500;
/** Longer than a connection may be silent before it is replaced, and short enough for fetching again within 5 s. */
const STUCK_MS = 2_500;

/**
 * Makes a worker fetch again when its calls hang for whatever reason: slots were free for 2.5 s, no fetch ended, and yet
 * the broker answers. While the broker does not answer, calls wait for it with good reason.
 */
export function createWatchdog({ broker, runtime, demand, exchanges }: WatchdogDeps): Loop {
  const isAnswering = () =>
    broker.ping().then(
      () => true,
      () => false,
    );
  /** The broker has answered once since the fetches stopped. Calls made before get the time until the next check. */
  let isSuspected = false;

  return createLoop({
    name: 'watchdog',
    runtime,
    async step(signal) {
      const isStuck = () => demand.stuckForMs() >= STUCK_MS && !signal.aborted;
      if (!isStuck() || !(await isAnswering()) || !isStuck()) {
        isSuspected = false;
      } else if (!isSuspected) {
        isSuspected = true;
      } else {
        isSuspected = false;
        const stuckMs = demand.stuckForMs();
        const calls = exchanges.revive();
        runtime.log.error(
          { stuck_ms: stuckMs, calls },
          'no fetch ended though slots are free and the broker answers; fetching anew',
        );
        runtime.events.emit('worker.revived', { stuckMs, calls });
      }
      return isSuspected ? WATCH_INTERVAL_MS : poll(WATCH_INTERVAL_MS);
    },
  });
}
