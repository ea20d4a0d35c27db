import type { Broker } from '../broker/broker.ts';
import type { Loop } from '../runtime/loop.ts';
import { createSampler, type SamplerDeps } from './sampler.ts';

/** With less, pages would have room for a few series alone. */
export const MIN_HISTORY_BYTES = 1_048_576;

/** A sampler, and how many have started it. */
interface Shared {
  readonly sampler: Loop;
  users: number;
}

/** The sampler of each broker: whatever keeps queues in order in one process shares it, as one instance at a time samples anyway. */
const samplers = new WeakMap<Broker['history'], Shared>();

/** The part of one who shares the sampler. */
export type Sampling = Pick<Loop, 'start' | 'wake' | 'stop'>;

/** Has the history of the broker written while it runs. The first one's runtime and bytes apply. Nothing where a broker keeps no history. */
export function createSampling(deps: SamplerDeps): Sampling {
  const { history, keepsHistory } = deps.broker;
  let own: Shared | undefined;
  return {
    start() {
      if (own || !history || keepsHistory === false) return;
      own = samplers.get(history);
      if (!own) samplers.set(history, (own = { sampler: createSampler(deps), users: 0 }));
      own.users += 1;
      own.sampler.start();
    },
    // It has times of its own.
    wake: () => {},
    async stop() {
      const left = own;
      own = undefined;
      if (!left) return;
      left.users -= 1;
      if (left.users > 0) return;
      samplers.delete(history);
      await left.sampler.stop();
    },
  };
}
