/** What the answers of receivers do to tasks, from the bytes on the wire to the stored attempt. */
import type { Socket } from 'node:net';
import { createRuntime, silentLog, type Broker, type NewTask, type TaskRecord } from '@task-center/engine';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { brokerKinds, type BrokerKind, type TestStore } from '../../engine/test/support/brokers.ts';
import { aTask as anyTask } from '../../engine/test/support/factories.ts';
import { nextEvent } from '../../engine/test/support/next-event.ts';
import { createCallbackWorker, type CallbackWorker } from '../src/callbacks/callback-worker.ts';
import { requestServer, urlOf } from './support/receivers.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const config = { callbacks: { mode: 'try' as const, allow: [], concurrency: 8 } };

interface Delivery {
  readonly task: TaskRecord | null;
  /** Delivery IDs of the requests, in order. */
  readonly ids: readonly (string | undefined)[];
}

function answersSuite(kind: BrokerKind): void {
  let place: TestStore;
  let broker: Broker;
  let stop: () => Promise<void> = () => Promise.resolve();
  let current: CallbackWorker | undefined;

  beforeAll(async () => (place = await kind.createStore()));
  afterAll(() => place.remove());
  beforeEach(async () => (broker = await place.connect()));
  afterEach(async () => {
    await stop();
    await broker.close();
  });

  /** Delivers the tasks one after the other to a receiver. Resolves when all have ended. */
  async function deliver(
    answer: (socket: Socket, nth: number) => unknown,
    ...drafts: readonly Partial<NewTask>[]
  ): Promise<Delivery[]> {
    const runtime = createRuntime({ log: silentLog });
    const ids: (string | undefined)[] = [];
    const port = await requestServer((socket, nth, text) => {
      ids.push(/webhook-id: (\S+)/.exec(text)?.[1]);
      answer(socket, nth);
    });
    const worker = createCallbackWorker({ broker, config, log: silentLog, runtime });
    current = worker;
    stop = () => worker.stop();
    await worker.start();
    const deliveries: Delivery[] = [];
    for (const over of drafts) {
      const before = ids.length;
      const meta = { createdMs: Date.now(), callback: { url: urlOf(port) } };
      const queue = `answers-${kind.name.toLowerCase()}~cb`;
      const task = anyTask({ queue, retentionMs: 60_000, timeoutMs: 10_000, maxRetries: 0, meta, ...over });
      const isOver = nextEvent(runtime.events, 'attempt.finished', (event) => event.task.id === task.id);
      await broker.submit.enqueue([task]);
      worker.addQueue(queue.slice(0, -3));
      await isOver;
      deliveries.push({ task: await broker.inspect.task(task), ids: ids.slice(before) });
    }
    return deliveries;
  }

  test.each<[string, (socket: Socket) => unknown]>([
    ['closes', (socket) => socket.end()],
    ['resets', (socket) => socket.resetAndDestroy()],
  ])('a receiver that %s a kept connection costs no attempt', async (_, end) => {
    const answer = (socket: Socket, nth: number) => (nth === 2 ? end(socket) : socket.write(OK));
    const [, second] = await deliver(answer, {}, {});
    expect(second?.task).toMatchObject({
      state: 'completed',
      attempt: 1,
      attempts: [{ outcome: 'succeeded', reason: expect.stringContaining('sent again') as string }],
    });
    expect(second?.ids).toHaveLength(2);
    expect(new Set(second?.ids).size).toBe(1);
  });

  test('a success counts once its status was read, and the attempt says what was cut', async () => {
    const start = 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart';
    const byTimeout = { timeoutMs: 1_000 };
    const byDeadline = { timeoutMs: 10_000, deadlineMs: Date.now() + 2_500 };
    const deliveries = await deliver((socket) => socket.write(start), byTimeout, byDeadline);
    for (const { task, ids } of deliveries) {
      expect(ids).toHaveLength(1);
      expect(task).toMatchObject({ state: 'completed', result: null });
      expect(task?.attempts).toMatchObject([
        {
          outcome: 'succeeded',
          reason: expect.stringMatching(
            /^the body was cut after 4 of 9 bytes: it did not end in time/,
          ) as string,
          exchange: { response: { status: 200, body: 'part', truncated: true } },
        },
      ]);
    }
  });

  test('a hint that was not understood is in the reason, also of the last attempt and of a success', async () => {
    const hint = 'task-center-retry: perhaps\r\nretry-after: soon\r\ncontent-length: 0\r\n\r\n';
    const answer = (socket: Socket, nth: number) =>
      socket.write(`HTTP/1.1 ${nth === 1 ? '503 Busy' : '200 OK'}\r\n${hint}`);
    const [failed, succeeded] = await deliver(answer, {}, {});
    const quotes = /task-center-retry not understood: "perhaps".*; retry-after not understood: "soon"/;
    expect(failed?.task).toMatchObject({
      state: 'archived',
      attempts: [{ reason: expect.stringMatching(quotes) as string }],
    });
    expect(failed?.task?.attempts?.[0]?.reason).toMatch(/^out of retries \(0\); /);
    expect(succeeded?.task).toMatchObject({
      state: 'completed',
      attempts: [{ reason: expect.stringMatching(quotes) as string }],
    });
  });

  test.each<[string, (worker: CallbackWorker) => Promise<void>]>([
    ['stops', (worker) => worker.stop({ timeoutMs: 300 })],
    ['gives all tasks back', (worker) => worker.giveBack()],
  ])('a success counts although the worker %s before the answer has ended', async (_, stopIt) => {
    let delivery: Promise<Delivery[]> | undefined;
    const started = new Promise<void>((resolve) => {
      const answer = (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart');
        // Nothing outside the worker tells when it has read this.
        setTimeout(resolve, 200);
      };
      delivery = deliver(answer, {});
    });
    await started;
    await stopIt(current as CallbackWorker);
    expect((await delivery)?.[0]?.task).toMatchObject({
      state: 'completed',
      attempt: 1,
      attempts: [{ reason: 'the body was cut after 4 of 9 bytes: the worker stops' }],
    });
  });

  test('a result that is no text keeps its bytes', async () => {
    const bytes = Buffer.from('1f8b0800000000000003', 'hex');
    const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bytes.length}\r\n\r\n`;
    const [delivery] = await deliver((socket) => socket.write(Buffer.concat([Buffer.from(head), bytes])), {});
    expect(Buffer.from(delivery?.task?.result ?? [])).toEqual(bytes);
    expect(delivery?.task?.attempts).toMatchObject([
      { exchange: { response: { body_base64: bytes.toString('base64'), truncated: false } } },
    ]);
  });
}

for (const kind of brokerKinds) describe.skipIf(!kind.available)(`on ${kind.name}`, () => answersSuite(kind));
