import { limits } from '@task-center/api';
import { control } from '@task-center/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { testApp, testConfig, type TestApp } from './support/test-app.ts';

const MIB = 1_048_576;
type Item = { status: number; problem?: { code: string; limit: number; errors?: unknown[] } };
const statuses = (items: readonly Item[]) => items.map(({ status }) => status);
const unknownFields = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `"${(from + i).toString(36)}":0`).join(',');

describe.for(brokerKinds.filter(({ available }) => available))('on $name', (kind) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp({ kind });
  });
  afterAll(() => app.close());

  const batch = (body: unknown) => app.call('POST', '/v1/batches', { body });
  const submit = (body: unknown) => app.call('POST', '/v1/tasks', { body });
  /** Tasks of the queue, in any state. */
  const stored = async (queue: string) => (await app.broker.inspect.queues()).includes(queue);

  describe('a body', () => {
    test('with 630,000 unknown fields is refused before any of them is looked at', async () => {
      const body = `{"tasks":[{"type":"t"}],${unknownFields(630_000)}}`;
      expect(body.length).toBeLessThan(8 * MIB);
      const startedMs = performance.now();
      const { status, json } = await batch(body);
      expect({ status, code: json.code }).toEqual({ status: 400, code: 'malformed' });
      expect(json.detail).toContain('1000 fields');
      // It took 14 s; a busy machine needs far less than this now.
      expect(performance.now() - startedMs).toBeLessThan(3_000);
    });

    test('with 1,000 unknown fields in one object is answered with the first 50 of them', async () => {
      const { status, json } = await submit(`{${unknownFields(1_000)}}`);
      expect(status).toBe(422);
      expect(json.errors).toHaveLength(limits.problemItems);
    });

    test.each([
      ['/v1/tasks', { type: 't', tags: Array.from({ length: 200_000 }, () => 1) }, '/tags'],
      ['/v1/batches', { tasks: Array.from({ length: 240_000 }, () => 1) }, '/tasks'],
      [
        '/v1/batches',
        { tasks: [{}], defaults: { tags: Array.from({ length: 200_000 }, () => 1) } },
        '/defaults/tags',
      ],
    ] as const)('of %s with a list that is too long says so, whatever its elements are', async (...row) => {
      const [path, body, pointer] = row;
      const { status, json } = await app.call('POST', path, { body });
      expect(status).toBe(422);
      expect(json.errors).toMatchObject([{ pointer, code: 'too_long' }]);
    });

    test('with a long field name is answered with its beginning', async () => {
      const { status, text } = await submit(`{"type":"t","${'n'.repeat(900_000)}":1}`);
      expect(status).toBe(422);
      expect(text.length).toBeLessThan(2_000);
    });
  });

  describe('a batch', () => {
    const queue = 'multiplied';
    const payload = 'x'.repeat(limits.payloadBytes - 2);
    const tasks = (count: number) => Array.from({ length: count }, () => ({ type: 't', queue }));

    test('whose defaults make more than 8 MiB of payloads is too large, and nothing is stored', async () => {
      const { status, json } = await batch({ defaults: { payload }, tasks: tasks(1_000) });
      expect({ status, code: json.code, limit: json.limit, got: json.got }).toEqual({
        status: 413,
        code: 'too-large',
        limit: 8 * MIB,
        got: 1_000 * limits.payloadBytes,
      });
      expect(await stored(queue)).toBe(false);
      expect((await batch({ defaults: { payload }, tasks: tasks(33) })).status).toBe(413);
      expect(await stored(queue)).toBe(false);
    });

    test('of exactly 8 MiB of payloads is stored', async () => {
      const { status, json } = await batch({ defaults: { payload }, tasks: tasks(32) });
      expect({ status, created: json.counts?.created }).toEqual({ status: 200, created: 32 });
    });

    test.each([
      ['payload_text', 'é'.repeat(5_000), 'own'],
      ['payload_base64', Buffer.alloc(9_000).toString('base64'), 'AAAA'],
      [
        'callback',
        { url: `https://a.test/${'u'.repeat(1_000)}`, headers: { 'x-a': 'a'.repeat(8_000) } },
        { url: 'https://a.test/' },
      ],
    ])('counts %s of its defaults for each task that takes it', async (field, value, own) => {
      const defaults = { [field]: value };
      // No task is valid, because storing them all would take long.
      const all = Array.from({ length: 1_000 }, () => ({ id: '!' }));
      expect((await batch({ defaults, tasks: all })).json).toMatchObject({ status: 413, limit: 8 * MIB });
      const some = all.map((task, i) => (i % 2 === 0 ? task : { ...task, [field]: own }));
      expect((await batch({ defaults, tasks: some })).json.counts).toMatchObject({ failed: 1_000 });
    });

    test('with a payload_base64 of 4.5 MB refuses that item as too large, and stores the others', async () => {
      const item = { type: 't', payload_base64: 'A'.repeat(4_500_000) };
      const { status, json } = await batch({ tasks: [{ type: 't' }, item, { type: 't' }] });
      expect(status).toBe(200);
      expect(statuses(json.items)).toEqual([201, 413, 201]);
      const alone = await submit({ type: 't', payload_base64: 'A'.repeat(900_000) });
      expect(alone.json).toMatchObject({ status: 413, limit: limits.payloadBytes, got: 675_000 });
      expect(json.items[1].problem).toMatchObject({
        code: 'too-large',
        limit: limits.payloadBytes,
        got: 3_375_000,
      });
    });

    test('with such a payload in its defaults refuses the items that take it', async () => {
      const defaults = { type: 't', payload_base64: 'A'.repeat(4_500_000) };
      const { status, json } = await batch({ defaults, tasks: [{}, { payload: 1 }] });
      expect(status).toBe(200);
      expect(statuses(json.items)).toEqual([413, 201]);
    });
  });

  describe('with limits.queues', () => {
    let limited: TestApp;
    let maxQueues: number;
    beforeAll(async () => {
      // Further queues than those that the tests above have made.
      maxQueues = (await app.broker.inspect.queues()).length + 3;
      const config = testConfig({ 'http.port': '0', 'limits.queues': String(maxQueues) });
      limited = await testApp({ config, broker: app.broker });
    });

    const submitTo = (queue: string, more = {}) =>
      limited.call('POST', '/v1/tasks', { body: { type: 't', queue, ...more } });

    test('a submission that would make one more is refused at its queue, alone and in a batch', async () => {
      expect((await submitTo('new-1')).status).toBe(201);
      const { status, json } = await limited.call('POST', '/v1/batches', {
        body: {
          tasks: ['new-2', 'new-3', 'new-4', 'new-2', 'new-1'].map((queue) => ({ type: 't', queue })),
        },
      });
      expect(status).toBe(200);
      expect(statuses(json.items)).toEqual([201, 201, 422, 201, 201]);
      expect(json.items[2].problem.errors).toMatchObject([
        { pointer: '/tasks/2/queue', code: 'out_of_range' },
      ]);
      const alone = await submitTo('new-5');
      expect(alone.status).toBe(422);
      expect(alone.json.errors).toMatchObject([{ pointer: '/queue', code: 'out_of_range' }]);
      expect(alone.json.errors[0].message).toContain('limits.queues');
      expect(await stored('new-4')).toBe(false);
      expect(await stored('new-5')).toBe(false);
    });

    test('a queue counts once for its two kinds, and the built-in ones are never refused', async () => {
      const callback = { callback: { url: 'https://a.test/' } };
      expect((await submitTo('new-1', callback)).status).toBe(201);
      for (const queue of ['critical', 'high', 'default', 'low'])
        expect((await submitTo(queue)).status).toBe(201);
      expect((await submitTo('new-6', callback)).status).toBe(422);
    });

    test('a queue of the library is never refused, and one that was removed makes room', async () => {
      await limited.store({ queue: 'library' });
      expect((await submitTo('library')).status).toBe(201);
      expect((await submitTo('new-7')).status).toBe(422);
      for (const queue of await limited.broker.inspect.queues())
        if (!/^new-[12]$/.test(queue)) await control.removeQueue(limited.broker, queue, { force: true });
      expect((await submitTo('new-7')).status).toBe(201);
      await control.removeQueue(limited.broker, 'new-7', { force: true });
      expect((await submitTo('new-8')).status).toBe(201);
      for (let i = 1; ; i += 1) if ((await submitTo(`more-${i}`)).status === 422) break;
      expect((await limited.broker.inspect.queues()).filter((name) => !name.endsWith('~cb'))).toHaveLength(
        maxQueues,
      );
    });

    test('submissions at the same time cannot exceed it', async () => {
      const config = testConfig({ 'http.port': '0', 'limits.queues': '30' });
      const other = await testApp({ config, broker: app.broker });
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, i) =>
          other.call('POST', '/v1/tasks', { body: { type: 't', queue: `same-${i}` } }),
        ),
      );
      const names = new Set((await app.broker.inspect.queues()).map((name) => name.replace(/~cb$/, '')));
      expect(names.size).toBe(30);
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(
        [...names].filter((name) => name.startsWith('same-')).length,
      );
    });
  });

  test('an ID in 60 queues is answered with the first 50 of them', async () => {
    const tasks = Array.from({ length: 60 }, (_, i) => ({ id: 'everywhere', type: 't', queue: `hit-${i}` }));
    await batch({ tasks });
    const { status, json } = await app.call('GET', '/v1/tasks/everywhere');
    expect({ status, hits: json.hits.length }).toEqual({ status: 409, hits: 50 });
  });
});
