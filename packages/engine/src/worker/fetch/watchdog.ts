import type { Broker } from '../../broker/broker.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { ExchangeLoop } from './exchange-loop.ts';

export interface WatchdogDeps {
  readonly broker: Pick<Broker, 'ping'>;
  readonly runtime: Runtime;
  readonly exchanges: Pick<ExchangeLoop, 'stuckForMs' | 'revive'>;
}

const LOOK_MS = 500;
/** Longer than a connection may be silent before it is replaced, and short enough to be fetching again within 5 s. */
const STUCK_MS = 2_500;

/**
 * Sees to it that free slots are filled whatever went wrong: nothing was fetched for a while, and yet the broker
 * answers. While it does not answer, calls wait for it with good reason.
 */
export function createWatchdog({ broker, runtime, exchanges }: WatchdogDeps): Loop {
  const answers = () =>
    broker.ping().then(
      () => true,
      () => false,
    );
  /** The broker has answered once since the fetches stopped: calls made before have had their chance. */
  let suspected = false;

  return createLoop({
    name: 'watchdog',
    runtime,
    async step(signal) {
      const stuck = () => exchanges.stuckForMs() >= STUCK_MS && !signal.aborted;
      if (!stuck() || !(await answers()) || !stuck()) {
        suspected = false;
      } else if (!suspected) {
        suspected = true;
      } else {
        suspected = false;
        const stuckMs = exchanges.stuckForMs();
        const calls = exchanges.revive();
        runtime.log.error(
          { stuck_ms: stuckMs, calls },
          'no task was fetched though slots are free; fetching anew',
        );
        runtime.events.emit('worker.revived', { stuckMs, calls });
      }
      return LOOK_MS;
    },
  });
}
