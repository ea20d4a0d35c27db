import type { StandardSchemaV1 } from '@standard-schema/spec';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import type { TaskToEnqueue } from '../../src/client/prepare-task.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { defineTask, type TaskDefinition } from '../../src/task/define-task.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { someNotStored } from '../support/some-not-stored.ts';

const anySchema: StandardSchemaV1 = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      if (value === 'throw') throw new Error('no schema today');
      return Promise.resolve({ value });
    },
  },
};
const defined = defineTask('defined', { payload: anySchema });

const available = brokerKinds.filter((kind) => kind.available);

describe.each(available)('enqueueMany on $name', ({ createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let client: Client;
  let tests = 0;
  /** Each test has a queue of its own. */
  let queue: string;

  beforeAll(async () => {
    store = await createStore();
    broker = await store.connect();
    client = new Client(broker);
  });
  beforeEach(() => {
    tests += 1;
    queue = `q${tests}`;
  });
  afterAll(() => store.remove());

  const pending = async (): Promise<number> =>
    (await broker.inspect.queueFacts([queue]))[0]?.counts.pending ?? 0;

  /** What came of each task: its state, or the code of its error. */
  async function codesOf(tasks: readonly TaskToEnqueue[]): Promise<string[]> {
    const results = await client.enqueueMany(tasks, { outcomes: true });
    return results.map((result) => ('task' in result ? result.task.state : result.error.code));
  }

  test('resolves to the stored tasks in order, with their payloads as they were at the call', async () => {
    const payloads = Array.from({ length: 5_000 }, (_, n) => ({ n }));
    const storing = client.enqueueMany(payloads.map((payload) => ({ task: 'count', payload, queue })));
    for (const payload of payloads) payload.n = -1;
    const stored = await storing;
    expect(stored).toHaveLength(5_000);
    for (const n of [0, 127, 128, 2_048, 4_999]) {
      const task = await broker.inspect.task(stored[n]!);
      expect(String(Buffer.from(task?.payload ?? []))).toBe(JSON.stringify({ n }));
    }
    expect(await client.enqueueMany([])).toEqual([]);
  });

  test('with one bad date among 20,001 tasks stores all others, and says which one it was', async () => {
    const tasks = Array.from({ length: 20_001 }, (_, i) => ({ task: 'x', payload: i, queue }));
    const bad = { task: 'x', queue, runAt: '2026-12-01' as unknown as Date };
    const error = await someNotStored(client.enqueueMany(tasks.with(5_000, bad as never)));
    expect(error.message).toMatch(/^1 of 20001 tasks was not stored: \[5000\] .* is not valid: found /);
    expect(error.details.failed).toMatchObject([{ index: 5_000, error: { code: 'invalid-value' } }]);
    expect(error.details.unknown).toEqual([]);
    const { stored } = error.details;
    expect(stored.map(({ index }) => index)).toEqual([...tasks.keys()].toSpliced(5_000, 1));
    expect(error.cause).toBe(error.details.failed[0]?.error);
    expect(await pending()).toBe(20_000);
  });

  test('throws after all were tried: a taken ID, a duplicate and a payload that is too large are failed', async () => {
    await client.enqueue('x', 1, { unique: '1h', id: 'first', queue });
    const error = await someNotStored(
      client.enqueueMany([
        { task: 'x', queue, id: 'first' },
        { task: 'x', queue, id: 'a' },
        { task: 'x', queue, id: 'a' },
        { task: 'x', queue, payload: 1, unique: '1h' },
        { task: 'x', queue, payload: 'y'.repeat(300_000) },
        { task: 'x', queue: 'bad{name}' },
        { task: 'x', queue, id: 'last', delay: '1h' },
      ]),
    );
    const { stored, failed, unknown } = error.details;
    expect(failed.map(({ index, error: { code } }) => [index, code])).toEqual([
      [0, 'task-exists'],
      [2, 'task-exists'],
      [3, 'duplicate-task'],
      [4, 'payload-too-large'],
      [5, 'invalid-value'],
    ]);
    expect(stored).toMatchObject([
      { index: 1, task: { id: 'a', queue, state: 'pending' } },
      { index: 6, task: { id: 'last', state: 'scheduled' } },
    ]);
    expect(unknown).toEqual([]);
    expect(error.message).toMatch(/^5 of 7 tasks were not stored: \[0\] .*\[2\] .*\[3\] .* And 2 more\.$/);
    expect(error.fix).toContain('details.unknown');
  });

  test('with `outcomes` resolves to one per task, with the IDs of those that were given to the broker', async () => {
    const results = await client.enqueueMany(
      [
        { task: 'x', queue, id: 'a' },
        { task: 'x', queue, id: 'b', maxRetries: -0.5 },
        { task: 'x', queue, id: 'a' },
        { task: 'x', queue, id: 'c', delay: '1h' },
      ],
      { outcomes: true },
    );
    expect(results).toMatchObject([
      { task: { id: 'a', state: 'pending' } },
      { error: { code: 'invalid-value' }, id: null, queue: null },
      { error: { code: 'task-exists' }, id: 'a', queue },
      { task: { id: 'c', state: 'scheduled' } },
    ]);
  });

  test('refuses tasks that cannot be prepared one by one, however late that shows', async () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const bad: unknown[] = [
      { task: 'x', payload: circular },
      { task: 'x', payload: proxy },
      { task: 5 },
      { task: 'x', attempts: 3 },
      { task: 'x', runAt: 'soon' },
      null,
      undefined,
      'x',
      ['x', 1],
      proxy,
      { task: 'x', get queue() { throw new Error('not today'); } }, // prettier-ignore
      { get task() { throw new Error('not today'); } }, // prettier-ignore
    ];
    const codes = await codesOf([...bad, { task: 'x', queue }] as TaskToEnqueue[]);
    expect(codes).toEqual([...bad.map(() => 'invalid-value'), 'pending']);
    // With a definition all are prepared before the first one is sent, which is another way.
    const badDefined: unknown[] = [
      { task: defined, payload: 1n },
      { task: defined, payload: 'throw' },
      { task: null },
      { task: {} },
      { task: defined, attempts: 3 },
      { task: defined, runAt: 'soon' },
    ];
    const good = { task: defined, payload: 1, queue };
    const codesOfDefined = await codesOf([...badDefined, ...bad, good] as TaskToEnqueue[]);
    expect(codesOfDefined).toEqual([...[...badDefined, ...bad].map(() => 'invalid-value'), 'pending']);
    expect(await pending()).toBe(2);
  });

  test('names the place of what is no task', async () => {
    const error = await someNotStored(
      client.enqueueMany([{ task: 'x', queue }, 5 as unknown as TaskToEnqueue, { task: 'x', queue }]),
    );
    expect(error.details.failed[0]?.error.message).toBe('tasks[1] is not valid: found 5.');
    expect(await pending()).toBe(2);
    const holes: TaskToEnqueue[] = [];
    holes[2] = { task: 'x', queue };
    expect(await codesOf(holes)).toEqual(['invalid-value', 'invalid-value', 'pending']);
    for (const list of [undefined, null, 'x', 5, new Set([{ task: 'x' }]), { length: 1, 0: { task: 'x' } }])
      await expect(client.enqueueMany(list as unknown as TaskToEnqueue[])).rejects.toMatchObject({
        code: 'invalid-value',
        details: { name: 'tasks' },
      });
  });

  test('says of each task that it failed when the broker refuses the call, also of those that are not valid', async () => {
    const cause = new TaskCenterError('broker-refused', { broker: 'x', cause: 'no' });
    const failing = { ...broker, submit: { ...broker.submit, enqueue: () => Promise.reject(cause) } };
    const tasks = [
      { task: 'x', queue },
      { task: 'x', queue: '' },
      { task: 'x', queue, delay: '1h' },
    ] as const;
    const error = await someNotStored(new Client(failing).enqueueMany(tasks));
    const { stored, failed, unknown } = error.details;
    expect([stored, unknown]).toEqual([[], []]);
    expect(failed.map(({ error: { code } }) => code)).toEqual([
      'broker-refused',
      'invalid-value',
      'broker-refused',
    ]);
    expect(await pending()).toBe(0);
  });

  test('on a closed broker fails each task, and does not hang', async () => {
    const other = await createStore();
    onTestFinished(() => other.remove());
    const closed = await other.connect();
    await closed.close();
    const error = await someNotStored(new Client(closed).enqueueMany([{ task: 'x' }, { task: 'x' }]));
    expect(error.details.failed).toMatchObject([
      { index: 0, error: { code: 'broker-closed' } },
      { index: 1, error: { code: 'broker-closed' } },
    ]);
  });

  test('says with their IDs which tasks are unknown when the answer is lost', async () => {
    const details = { broker: 'x', outcome: 'unknown', cause: 'no answer' } as const;
    const lost = new TaskCenterError('broker-unavailable', details);
    const enqueue: Broker['submit']['enqueue'] = async (tasks) => {
      await broker.submit.enqueue(tasks);
      throw lost;
    };
    const deaf = new Client({ ...broker, submit: { ...broker.submit, enqueue } });
    const tasks = [{ task: 'x', queue, context: { businessId: 'shop' } }, { task: '' }, { task: 'y', queue }];
    const error = await someNotStored(deaf.enqueueMany(tasks));
    expect(error.message).toMatch(/^1 of 3 tasks was not stored, 2 may be stored or not: \[1\] /);
    const { unknown, failed } = error.details;
    expect(failed.map(({ index }) => index)).toEqual([1]);
    expect(unknown).toMatchObject([
      { index: 0, queue, error: lost },
      { index: 2, queue, error: lost },
    ]);
    const again = unknown.map(({ index, id }) => ({ ...tasks[index]!, id }));
    expect(await codesOf(again)).toEqual(['task-exists', 'task-exists']);
    expect(await pending()).toBe(2);
  });

  test('types the overloads', async () => {
    const [stored] = await client.enqueueMany([{ task: 'x', queue }]);
    expect(stored?.dueAt).toBeInstanceOf(Date);
    const [outcome] = await client.enqueueMany([{ task: 'x', queue }], { outcomes: true });
    // @ts-expect-error an outcome is no task
    expect(outcome?.dueAt).toBeUndefined();
    // @ts-expect-error a task without a type
    await expect(client.enqueueMany([{ payload: 1 }])).rejects.toMatchObject({ code: 'some-not-stored' });
    // @ts-expect-error a definition is what defineTask returns
    const noDefinition: TaskDefinition = {};
    expect(await codesOf([{ task: noDefinition }])).toEqual(['invalid-value']);
  });
});
