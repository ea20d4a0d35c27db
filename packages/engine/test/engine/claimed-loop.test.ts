import { describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import type { HeldClaim } from '../../src/leases/claim-keeper.ts';
import { createClaimedLoop } from '../../src/leases/claimed-loop.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { createRuntime } from '../../src/runtime/runtime.ts';
import { brokerKinds } from '../support/brokers.ts';

/** Starts an instance; `started` resolves with the claim of its first step. */
function startInstance({ claims }: Broker) {
  let onStep: (held: HeldClaim) => void = () => {};
  const started = new Promise<HeldClaim>((resolve) => (onStep = resolve));
  const loop = createClaimedLoop({
    name: 'work',
    runtime: createRuntime({ log: silentLog }),
    claims,
    claim: 'work',
    claimMs: 1_000,
    step(held) {
      onStep(held);
      return Promise.resolve(60_000);
    },
  });
  onTestFinished(() => loop.stop());
  loop.start();
  return { loop, started };
}

describe.each(brokerKinds)('a claimed loop on $name', ({ available, createStore }) => {
  test.skipIf(!available)('works on one instance, and goes on on the other when that one stops', async () => {
    const store = await createStore();
    onTestFinished(() => store.remove());
    const broker = await store.connect();
    const first = startInstance(broker);
    const { token, isHeld } = await first.started;
    const second = startInstance(broker);
    await first.loop.stop();
    expect(isHeld()).toBe(false);
    expect((await second.started).token).toBeGreaterThan(token);
  });
});
