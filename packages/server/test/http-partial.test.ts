import { TaskCenterError, type Broker, type EnqueueOutcome, type NewTask } from '@task-center/engine';
import { describe, expect, onTestFinished, test } from 'vitest';
import { testApp, type TestApp } from './support/test-app.ts';

type Enqueue = Broker['submit']['enqueue'];

/** The application on a broker whose `enqueue` is the given one. */
async function appWith(enqueue: (tasks: readonly NewTask[], real: Enqueue) => ReturnType<Enqueue>) {
  const app = await testApp({
    wrap: (broker) => ({
      ...broker,
      submit: {
        enqueue: (tasks, options) => enqueue([...tasks], (all) => broker.submit.enqueue(all, options)),
      },
    }),
  });
  onTestFinished(() => app.close());
  return app;
}

const batch = (app: TestApp, body: unknown) => app.call('POST', '/v1/batches', { body });
const unavailable = (outcome: 'not_stored' | 'unknown') =>
  new TaskCenterError('broker-unavailable', { broker: 'redis://secret-host', outcome, cause: 'x' });
const failed = (error: TaskCenterError): EnqueueOutcome => ({ code: 'failed', error });

describe('a batch that breaks half-way', () => {
  test('has a status for each item; one without an ID shows the ID that it was given', async () => {
    const app = await appWith(async (tasks, real) => [
      ...(await real(tasks.slice(0, 1))),
      failed(unavailable('unknown')),
      failed(unavailable('not_stored')),
      failed(new TaskCenterError('broker-full', { broker: 'redis://secret-host' })),
    ]);
    const tasks = [{ id: 'a' }, { queue: 'q' }, { business_id: 'shop', id: 'mine' }, {}];
    const { status, json, text } = await batch(app, { defaults: { type: 't' }, tasks });
    expect(status).toBe(200);
    expect(json.counts).toEqual({ created: 1, duplicate: 0, failed: 3 });
    expect(json.items).toMatchObject([
      { status: 201, task: { id: 'a' } },
      { status: 503, problem: { code: 'broker-unavailable', outcome: 'unknown', queue: 'q' } },
      { status: 503, problem: { code: 'broker-unavailable', outcome: 'not_stored', id: 'mine' } },
      { status: 503, problem: { code: 'broker-full', outcome: 'not_stored', queue: 'default' } },
    ]);
    expect(json.items[1].problem.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(json.items[3].problem.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(text).not.toContain('secret-host');
  });

  test('is refused as a whole only when certainly nothing was stored', async () => {
    const none = await appWith(() => Promise.reject(unavailable('not_stored')));
    const refused = await batch(none, { tasks: [{ type: 't' }] });
    expect([refused.status, refused.json.outcome]).toEqual([503, 'not_stored']);
    const full = await appWith(() => Promise.reject(new TaskCenterError('broker-full', { broker: 'x' })));
    const answer = await batch(full, { tasks: [{ type: 't' }] });
    expect([answer.status, answer.json.code, answer.json.outcome]).toEqual([
      503,
      'broker-full',
      'not_stored',
    ]);
  });

  test('has a status for each item also when everything is in doubt', async () => {
    const app = await appWith(() => Promise.reject(unavailable('unknown')));
    const { status, json } = await batch(app, { tasks: [{ type: 't' }, { type: 't' }] });
    expect([status, json.counts.failed, json.items[1].problem.outcome]).toEqual([200, 2, 'unknown']);
  });

  test('can be repeated with the IDs of its items, and then stores each task once', async () => {
    let isBroken = true;
    const app = await appWith(async (tasks, real) => {
      const outcomes = await real(tasks);
      if (isBroken) throw unavailable('unknown');
      return outcomes;
    });
    const first = await batch(app, { tasks: [{ type: 't' }, { type: 't', queue: 'q' }] });
    isBroken = false;
    const tasks = first.json.items.map(
      ({ problem: { id, queue } }: { problem: Record<string, unknown> }) => ({
        type: 't',
        id,
        queue,
      }),
    );
    const again = await batch(app, { tasks });
    expect(again.json.items.map(({ status }: { status: number }) => status)).toEqual([409, 409]);
    expect((await app.call('GET', '/v1/queues/q')).json.counts.pending).toBe(1);
  });
});

test('a single task that is in doubt shows the ID that it was given', async () => {
  const app = await appWith(() => Promise.reject(unavailable('unknown')));
  const { status, json } = await app.call('POST', '/v1/tasks', { body: { type: 't', queue: 'q' } });
  expect([status, json.code, json.outcome, json.queue]).toEqual([503, 'broker-unavailable', 'unknown', 'q']);
  expect(json.id).toMatch(/^[0-9a-f-]{36}$/);
  expect(json.detail).toContain(json.id);
});

describe('a defect in one item', () => {
  test('is the problem of that item, and is logged', async () => {
    let made = 0;
    const app = await testApp({
      newId: () => {
        made += 1;
        if (made === 2) throw new TypeError('a defect');
        return `id-${made}`;
      },
    });
    onTestFinished(() => app.close());
    // What the service itself is known by has IDs, too.
    made = 0;
    const { status, json, text } = await batch(app, { tasks: [{ type: 't' }, { type: 't' }, { type: 't' }] });
    expect(status).toBe(200);
    expect(json.items.map(({ status: each }: { status: number }) => each)).toEqual([201, 500, 201]);
    expect(text).not.toContain('a defect');
    const err = expect.objectContaining({ class: 'TypeError', message: 'a defect' });
    expect(app.logged).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ index: 1, err }) }),
    );
  });
});

describe('16 batches at once that defaults make 8 MiB each', () => {
  test('say for each task whether it is stored', async () => {
    const app = await testApp();
    onTestFinished(() => app.close());
    // In total 8 MiB less what the IDs and other fields take.
    const defaults = { type: 't', payload: 'x'.repeat(8_300) };
    const tasks = Array.from({ length: 1_000 }, () => ({}));
    const answers = await Promise.all(Array.from({ length: 16 }, () => batch(app, { defaults, tasks })));
    let created = 0;
    let inDoubt = 0;
    for (const { status, json } of answers) {
      expect([200, 503]).toContain(status);
      if (status === 503) expect(json.outcome).toBe('not_stored');
      else {
        created += json.counts.created;
        inDoubt += json.items.filter(
          (item: { problem?: { outcome: string } }) => item.problem?.outcome === 'unknown',
        ).length;
        expect(json.counts.created + json.counts.failed).toBe(1_000);
      }
    }
    const { pending } = (await app.call('GET', '/v1/queues/default')).json.counts;
    // What is in doubt on a slow machine may be stored.
    expect(pending).toBeGreaterThanOrEqual(created);
    expect(pending).toBeLessThanOrEqual(created + inDoubt);
    expect(created).toBeGreaterThanOrEqual(1_000);
  });
});
