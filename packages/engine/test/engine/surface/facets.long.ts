import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { Client } from '../../../src/client/client.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { within } from '../../../src/runtime/within.ts';
import { brokerKinds, type TestStore } from '../../support/brokers.ts';
import { readDeclaredCalls } from './declared.ts';
import { WRONG_VALUES } from './wrong-values.ts';

/** The interface of each facet of a broker, and its name there. */
const FACETS: Readonly<Record<string, keyof Broker>> = {
  Backup: 'backup',
  Check: 'check',
  Claims: 'claims',
  ClusterView: 'cluster',
  Consume: 'consume',
  Control: 'control',
  Documents: 'documents',
  Findings: 'findings',
  Groups: 'groups',
  History: 'history',
  Inspect: 'inspect',
  Maintain: 'maintain',
  Presence: 'presence',
  ScheduleStore: 'schedules',
  ScheduleView: 'scheduleView',
  SchedulerEntries: 'schedulerEntries',
  Semaphores: 'semaphores',
  Signals: 'signals',
  Submit: 'submit',
};
const MAX_CALL_MS = 5_000;

const methods = [...(await readDeclaredCalls())].flatMap(([path, values]) => {
  const [name = '', method = ''] = path.split('.');
  const facet = FACETS[name];
  return facet === undefined || values.length === 0 ? [] : [{ path, facet, method, values }];
});

// A broker takes what it is given as it is: what it says of a wrong value is its own affair. But it stays what it was.
describe.each(brokerKinds)('a broker on $name survives what is wrong in', ({ available, createStore }) => {
  describe.skipIf(!available)('', () => {
    let store: TestStore;
    let broker: Broker;

    beforeAll(async () => {
      store = await createStore();
      broker = await store.connect();
      await new Client(broker).enqueue('x', null, { id: 'known', delay: '1h' });
    });
    afterAll(() => store.remove());

    async function call(facet: keyof Broker, method: string, args: readonly unknown[]): Promise<string> {
      const target = broker[facet] as unknown as Readonly<
        Record<string, (...given: readonly unknown[]) => unknown>
      >;
      try {
        const ended = await within(systemClock, MAX_CALL_MS, async () => {
          await target[method]?.(...args, AbortSignal.abort());
          return true;
        });
        return ended ? 'ends' : 'hangs';
      } catch {
        return 'ends';
      }
    }

    test.each(methods)('$path', async ({ facet, method, values }) => {
      if (broker[facet] === null) return;
      const ends = await Promise.all(
        values.flatMap(({ wrong }, at) =>
          wrong.map(async (kind) => {
            const args = values.slice(0, -1).map(() => undefined as unknown);
            args[at] = WRONG_VALUES[kind].value;
            return [at, kind, await call(facet, method, args)];
          }),
        ),
      );
      expect(ends.filter(([, , end]) => end !== 'ends')).toEqual([]);
      await broker.ping();
      const [facts] = await broker.inspect.queueFacts(['default']);
      expect(facts?.counts).toMatchObject({ scheduled: 1, pending: 0, active: 0, completed: 0, archived: 0 });
      expect(await broker.inspect.queues()).toEqual(['default']);
      await new Client(broker).enqueue('x', null, { id: method, queue: 'default', delay: '1h' });
      await broker.control.remove({ queue: 'default', id: method });
    });
  });
});
