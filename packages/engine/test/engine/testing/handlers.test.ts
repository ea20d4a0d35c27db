import { readFile } from 'node:fs/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Client } from '../../../src/client/client.ts';
import {
  createTestBroker,
  type TestBroker,
  type TestBrokerOptions,
} from '../../../src/testing/test-broker.ts';
import type { Handler } from '../../../src/worker/run/handlers.ts';
import { Worker } from '../../../src/worker/worker.ts';

async function setUp(
  handler: (broker: TestBroker) => Handler,
  options: TestBrokerOptions = {},
  prepare: (worker: Worker) => void = () => {},
) {
  const broker = createTestBroker({ log: false, ...options });
  onTestFinished(() => broker.close());
  const worker = new Worker(broker, { queues: ['default'] });
  prepare(worker.handle('*', handler(broker)));
  await worker.start();
  return { broker, clock: broker.clock, client: new Client(broker) };
}

test('time stands still while a handler works in real time, and what it enqueues is due from then on', async () => {
  const times: string[] = [];
  const { client, clock } = await setUp((broker) => async (task) => {
    await readFile(new URL(import.meta.url));
    times.push(`${task.type} ${broker.clock.now().toISOString().slice(11, 19)}`);
    if (task.type === 'first') await new Client(broker).enqueue('second', null, { delay: '1m' });
  });
  await client.enqueue('first', null, { delay: '1h' });
  await clock.advance('2h');
  expect(times).toEqual(['first 01:00:00', 'second 01:01:00']);
});

test('a handler may wait for another task, whose handler sleeps on the clock', async () => {
  const { client, clock } = await setUp((broker) => async (task) => {
    if (task.type === 'inner') return broker.clock.sleep('10m').then(() => 'inner result');
    return new Client(broker).enqueueAndWait('inner', null, { wait: '1h' });
  });
  const result = client.enqueueAndWait('outer', null, { wait: '1h' });
  await clock.advance('10m');
  expect(await result).toBe('inner result');
});

test('a handler that works for too long is named, and time can move on once it has ended', async () => {
  let end = () => {};
  const { client, clock } = await setUp(() => () => new Promise<void>((resolve) => (end = resolve)), {
    maxHandlerWait: '50ms',
  });
  await client.enqueue('stuck', null, { id: 'x' });
  await expect(clock.advance('1h')).rejects.toMatchObject({
    code: 'test-broker-misused',
    message: expect.stringContaining('"stuck" (queue default, task x)'),
    fix: expect.stringContaining('clock.sleep()'),
  });
  expect(clock.now()).toEqual(new Date('2026-01-01T00:00:00Z'));
  end();
  await clock.advance('1h');
  expect(clock.now()).toEqual(new Date('2026-01-01T01:00:00Z'));
});

test('a middleware that waits in real time is waited for, too', async () => {
  const { client, clock } = await setUp(
    () => () => {},
    { maxHandlerWait: '50ms' },
    (worker) => worker.use(() => new Promise(() => {})),
  );
  await client.enqueue('stuck', null);
  await expect(clock.advance('1s')).rejects.toMatchObject({ message: expect.stringContaining('middleware') });
});

test('advance is refused in a handler, and while another call moves the time', async () => {
  const refused: unknown[] = [];
  const { client, clock } = await setUp((broker) => async () => {
    await broker.clock.advance('1h').catch((error: unknown) => refused.push(error));
  });
  await client.enqueue('moves', null);
  const first = clock.advance('1h');
  await expect(clock.advance('1h')).rejects.toMatchObject({
    code: 'test-broker-misused',
    message: expect.stringContaining('earlier call'),
  });
  await first;
  expect(refused).toMatchObject([{ message: expect.stringContaining('a handler called advance()') }]);
});

test('fake timers of a test runner are named, where the engine cannot go on with them', async () => {
  const runs: string[] = [];
  const { client, clock } = await setUp(() => (task) => void runs.push(task.type), {
    maxHandlerWait: '50ms',
  });
  onTestFinished(() => void vi.useRealTimers());
  vi.useFakeTimers({ toFake: ['Date'] });
  await client.enqueue('first', null, { delay: '1s' });
  await clock.advance('1s');
  await client.enqueue('second', null, { delay: '1s' });
  vi.useFakeTimers();
  await expect(clock.advance('1s')).rejects.toMatchObject({
    code: 'test-broker-misused',
    fix: expect.stringContaining('vi.useFakeTimers({ toFake: ["Date"] })'),
  });
  expect(runs).toEqual(['first']);
});

test('what is logged goes where it is told to, also from workers and schedulers', async () => {
  const lines: string[] = [];
  const log = {
    debug() {},
    info() {},
    error() {},
    warn: (_: object, message?: string) => void lines.push(`${message}`),
  };
  const { client, clock } = await setUp(
    () => () => {
      throw new Error('no');
    },
    { log: { ...log } },
  );
  await client.enqueue('fails', null);
  await clock.advance(0);
  expect(lines).toHaveLength(1);
});

test.each([
  [{ now: new Date(NaN) }, 'now'],
  [{ now: '2026-01-01' }, 'now'],
  [{ seed: -1 }, 'seed'],
  [{ maxHandlerWait: '1h' }, 'maxHandlerWait'],
  [{ clock: {} }, 'clock'],
])('the options %j are refused by name', (options, name) => {
  expect(() => createTestBroker(options as TestBrokerOptions)).toThrow(
    expect.objectContaining({ code: 'invalid-value', message: expect.stringContaining(name) }),
  );
});
