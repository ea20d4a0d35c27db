import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createRuntime,
  silentLog,
  systemClock,
  type Broker,
  type NewTask,
  type Runtime,
} from '@task-center/engine';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { brokerKinds, type BrokerKind, type TestStore } from '../../engine/test/support/brokers.ts';
import { aTask } from '../../engine/test/support/factories.ts';
import { until } from '../../engine/test/support/until.ts';
import { createCallbackWorker } from '../src/callbacks/callback-worker.ts';

const QUEUE = 'default~cb';

function hostsSuite(kind: BrokerKind): void {
  let place: TestStore;
  let broker: Broker;
  const ends: (() => unknown)[] = [];

  beforeEach(async () => {
    place = await kind.createStore();
    broker = await place.connect();
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await broker.close();
    await place.remove();
  });

  /** A receiver of its own host; `answer` may hang. */
  async function startReceiver(answer: (response: ServerResponse) => unknown) {
    const arrived: number[] = [];
    const server: Server = createServer((request, response) => {
      arrived.push(Date.now());
      request.resume();
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => (server.closeAllConnections(), server.close()));
    return { arrived, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
  }

  const tasksTo = (url: string, count: number, name: string): NewTask[] =>
    Array.from({ length: count }, (_, i) =>
      aTask({ queue: QUEUE, id: `${name}-${i}`, timeoutMs: 30_000, meta: { callback: { url } } }),
    );

  async function start(concurrency: number, clock: Runtime['clock'] = systemClock): Promise<void> {
    const rules = { mode: 'try', allow: [], concurrency } as const;
    const runtime = createRuntime({ log: silentLog, clock });
    const worker = createCallbackWorker({ broker, config: { callbacks: rules }, log: silentLog, runtime });
    ends.push(() => worker.stop({ timeoutMs: 0 }));
    await worker.start();
  }

  test('a host that hangs holds up no other: 20 callbacks behind 600 start soon', async () => {
    const hanging: ServerResponse[] = [];
    const slow = await startReceiver((response) => void hanging.push(response));
    const good = await startReceiver((response) => response.end());
    await broker.submit.enqueue(tasksTo(slow.url, 600, 'slow'));
    await start(256);
    await until(() => slow.arrived.length >= 256);
    const beganMs = Date.now();
    await broker.submit.enqueue(tasksTo(good.url, 20, 'good'));
    await until(() => good.arrived.length === 20);
    // A second on a machine that does nothing else. Without the reserved slots it is the timeout of 30 s.
    expect(Math.max(...good.arrived) - beganMs).toBeLessThan(6_000);
    expect(slow.arrived).toHaveLength(256);
    const { tasks } = await broker.inspect.list({
      queue: QUEUE,
      state: 'scheduled',
      limit: 50,
      cursor: null,
    });
    expect(tasks.length).toBeGreaterThan(0);
    for (const task of tasks)
      expect(task).toMatchObject({
        attempt: 0,
        crashes: 0,
        attempts: [],
        waitingFor: `waits for its host: 256 callbacks to ${new URL(slow.url).origin} are under way`,
      });
    // It answers again: all of them arrive, each at its first attempt.
    for (const response of hanging) response.end();
    await until(() => {
      for (const response of hanging) response.end();
      return slow.arrived.length === 600;
    });
  });

  test('a host that is only busy gets all of its callbacks in order, and none is deferred', async () => {
    const busy = await startReceiver((response) => setTimeout(() => response.end(), 20));
    await broker.submit.enqueue(
      tasksTo(busy.url, 400, 'busy').map((task) => ({ ...task, retentionMs: 60_000 })),
    );
    // The worker looks at thrice its intervals how many ended: so a machine that is busy itself does not make the host look slow.
    await start(8, { ...systemClock, after: (ms, act) => systemClock.after(3 * ms, act) });
    await until(() => busy.arrived.length === 400);
    const { tasks } = await broker.inspect.list({
      queue: QUEUE,
      state: 'completed',
      limit: 500,
      cursor: null,
    });
    const deferrals = tasks.reduce((sum, task) => sum + task.deferrals, 0);
    expect(deferrals).toBeLessThan(100);
  });
}

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`callbacks to several hosts, on ${kind.name}`, () => hostsSuite(kind));
