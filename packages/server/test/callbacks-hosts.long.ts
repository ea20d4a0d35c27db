// 100,000 callbacks to a host that hangs, and 20 to a good one behind them in the same queue.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRuntime, Events, silentLog, type NewTask } from '@task-center/engine';
import { describe, expect, onTestFinished, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { aTask } from '../../engine/test/support/factories.ts';
import { until } from '../../engine/test/support/until.ts';
import { createCallbackWorker } from '../src/callbacks/callback-worker.ts';

const QUEUE = 'default~cb';
const BATCH = 1_000;

async function startReceiver(answer: (response: ServerResponse) => unknown) {
  const arrived: number[] = [];
  const server = createServer((request, response) => {
    arrived.push(Date.now());
    request.resume();
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => (server.closeAllConnections(), void server.close()));
  return { arrived, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

const tasksTo = (url: string, count: number, name: string): NewTask[] =>
  Array.from({ length: count }, (_, i) =>
    aTask({ queue: QUEUE, id: `${name}-${i}`, timeoutMs: 300_000, meta: { callback: { url } } }),
  );

describe.each(brokerKinds)(
  'behind 100,000 callbacks to a host that hangs, on $name',
  ({ available, createStore }) => {
    test.skipIf(!available)(
      '20 to a good one start within 30 s, and then 200 a second are looked at again',
      async () => {
        const place = await createStore();
        const broker = await place.connect();
        onTestFinished(async () => {
          await broker.close();
          await place.remove();
        });
        const slow = await startReceiver(() => undefined);
        const good = await startReceiver((response) => response.end());
        const tasks = tasksTo(slow.url, 100_000, 'slow');
        for (let i = 0; i < tasks.length; i += BATCH) await broker.submit.enqueue(tasks.slice(i, i + BATCH));
        await broker.submit.enqueue(tasksTo(good.url, 20, 'good'));
        const events = new Events();
        let forwarded = 0;
        events.on('tasks.forwarded', ({ moved }) => void (forwarded += moved));
        const runtime = createRuntime({ events, log: silentLog });
        const callbacks = { mode: 'try', allow: [], concurrency: 256 } as const;
        const worker = createCallbackWorker({ broker, config: { callbacks }, log: silentLog, runtime });
        onTestFinished(() => worker.stop({ timeoutMs: 0 }));
        const beganMs = Date.now();
        await worker.start();
        await until(() => good.arrived.length === 20, 120_000);
        const tookMs = Math.max(...good.arrived) - beganMs;
        console.log(`20 callbacks started within ${tookMs} ms`);
        expect(tookMs).toBeLessThan(30_000);
        expect(slow.arrived).toHaveLength(256);
        const before = forwarded;
        const sinceMs = Date.now();
        await until(() => Date.now() - sinceMs >= 10_000);
        expect((forwarded - before) / ((Date.now() - sinceMs) / 1_000)).toBeLessThan(260);
        const [facts] = await broker.inspect.queueFacts([QUEUE]);
        expect(facts).toMatchObject({ processed: 20, failed: 0 });
        const { tasks: some } = await broker.inspect.list({
          queue: QUEUE,
          state: 'scheduled',
          limit: 100,
          cursor: null,
        });
        for (const task of some) expect(task).toMatchObject({ attempt: 0, crashes: 0, attempts: [] });
      },
    );
  },
);
