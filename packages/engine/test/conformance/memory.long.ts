import { describe, onTestFinished } from 'vitest';
import { openMemoryBroker } from '../../src/brokers/sqlite/memory/memory-broker.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { Lifetime } from '../../src/runtime/lifetime.ts';
import { createRuntime } from '../../src/runtime/runtime.ts';
import { brokerSuite } from './broker.ts';
import { createBench, movableTime, type Harness } from './harness.ts';

/** The store of the test broker, whose time is moved here by the suite. */
const memoryHarness: Harness = {
  name: 'memory',
  async openBench() {
    const time = movableTime();
    const clock = { ...systemClock, wallMs: time.now, monotonicMs: time.now };
    const runtime = createRuntime({ clock });
    const lifetime = new Lifetime('memory', runtime.log);
    const { broker } = openMemoryBroker({ name: 'memory', runtime, lifetime, leaseRenewal: null });
    onTestFinished(() => broker.close());
    return createBench(broker, time);
  },
};

describe('conformance', () => {
  brokerSuite(memoryHarness);
});
