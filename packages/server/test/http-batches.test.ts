import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from './support/test-app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app.close());

describe('a batch', () => {
  const batch = (body: unknown) => app.call('POST', '/v1/batches', { body });

  test('of example B has an outcome for each task, in order', async () => {
    const { status, json } = await batch({
      defaults: { queue: 'low', delay: '10m', callback: { url: 'https://crm.example.com/remind' } },
      tasks: [{ id: 'r-1', payload: { u: 1 } }, { id: 'r-1' }],
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      id: null,
      counts: { created: 1, duplicate: 0, failed: 1 },
      items: [
        { index: 0, status: 201, task: { id: 'r-1', queue: 'low', state: 'scheduled', kind: 'callback' } },
        { index: 1, status: 409, problem: { code: 'task-exists', id: 'r-1', queue: 'low' } },
      ],
    });
    expect(json.items[1].task).toBeUndefined();
  });

  test('stores the valid tasks and names what is wrong with each other one', async () => {
    const { json } = await batch({
      defaults: { type: 't' },
      tasks: [
        { zz: 1 },
        {},
        { queue: 'x~1' },
        { payload_text: 'x'.repeat(262_145) },
        { callback: { url: 'x' } },
      ],
    });
    expect(json.items.map(({ status }: { status: number }) => status)).toEqual([422, 201, 422, 413, 422]);
    expect(json.items[0].problem.errors[0]).toMatchObject({ pointer: '/tasks/0/zz', code: 'unknown_field' });
    expect(json.items[2].problem.errors[0].pointer).toBe('/tasks/2/queue');
    expect(json.counts).toEqual({ created: 1, duplicate: 0, failed: 4 });
  });

  test("uses a task's own payload, time and queue instead of all alternatives in the defaults", async () => {
    const { json } = await batch({
      defaults: { type: 't', payload: { a: 1 }, delay: '1h', queue: 'low' },
      tasks: [{ payload_text: 'own', run_at: '2001-01-01T00:00:00Z', priority: 'high' }, {}],
    });
    expect(json.items[0].task).toMatchObject({ queue: 'high', state: 'pending' });
    expect(json.items[1].task).toMatchObject({ queue: 'low', state: 'scheduled' });
    const own = (await app.call('GET', `/v1/tasks/${json.items[0].task.id}`)).json;
    expect(own.payload_text).toBe('own');
  });

  test('keeps payloads byte for byte', async () => {
    const { json } = await batch('{"tasks":[{"type":"t","payload":{"n":1234567890123456789}}]}');
    const { text } = await app.call('GET', `/v1/tasks/${json.items[0].task.id}`);
    expect(text).toContain('"payload":{"n":1234567890123456789}');
  });

  test.each([
    [{ tasks: [] }, '/tasks', 'too_short'],
    [{ tasks: Array.from({ length: 1_001 }, () => ({})) }, '/tasks', 'too_long'],
    [{}, '/tasks', 'required'],
    [{ tasks: [1] }, '/tasks/0', 'wrong_type'],
    [{ tasks: [{}], defaults: { id: 'x' } }, '/defaults/id', 'unknown_field'],
    [{ tasks: [{}], defaults: { delay: 1 } }, '/defaults/delay', 'wrong_type'],
    [{ tasks: [{}], track: true }, '/track', 'not_built_yet'],
  ])('%j is refused as a whole', async (body, pointer, code) => {
    const { status, json } = await batch(body);
    expect(status).toBe(422);
    expect(json.errors).toMatchObject([{ pointer, code }]);
  });

  test('of a thousand tasks is stored whole', async () => {
    const tasks = Array.from({ length: 1_000 }, (_, i) => ({ id: `k-${i}`, type: 't', queue: 'bulk' }));
    expect((await batch({ tasks })).json.counts.created).toBe(1_000);
    expect((await app.call('GET', '/v1/queues/bulk')).json.counts.pending).toBe(1_000);
  });
});
