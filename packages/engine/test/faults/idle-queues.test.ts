import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { createMaintenance, type Maintenance } from '../../src/loops/maintenance.ts';
import { Events } from '../../src/runtime/events.ts';
import { createRuntime } from '../../src/runtime/runtime.ts';
import { redisKind, type TestStore } from '../support/brokers.ts';
import { nextEvent } from '../support/next-event.ts';
import { startProgram } from '../support/program.ts';
import { rawRedis } from '../support/raw-redis.ts';
import { until } from '../support/until.ts';

/** More than a survey looks at each time. */
const QUEUES = [...Array.from({ length: 2_999 }, (_, i) => `q${i}`), 'default'];

describe.skipIf(!redisKind.available)('a process that looks after 3,000 idle queues', () => {
  let store: TestStore;
  let events: Events;
  let maintenance: Maintenance;

  beforeEach(async () => {
    store = await redisKind.createStore();
    events = new Events();
    const broker = await store.connect();
    let surveys = 0;
    const maintain: typeof broker.maintain = {
      ...broker.maintain,
      async survey(queues) {
        const found = await broker.maintain.survey(queues);
        surveys += 1;
        return found;
      },
    };
    const runtime = createRuntime({ events });
    maintenance = createMaintenance({ broker: { ...broker, maintain }, queues: () => QUEUES, runtime });
    maintenance.start();
    // The first survey is of all of them.
    await until(() => surveys > 0);
  });
  afterEach(async () => {
    await maintenance.stop();
    await store.remove();
  });

  test('takes back within 10 s what another process took from one of them before it was killed', async () => {
    await new Client(await store.connect()).enqueue('x', null, { id: 'a' });
    const recovered = nextEvent(events, 'tasks.recovered');
    const other = startProgram(import.meta.url, 'worker.mjs', store.url, 'hold');
    await other.waitForLine((line) => line === 'started a');
    await other.kill();
    const killedMs = performance.now();
    expect(await recovered).toMatchObject({ queue: 'default', recovered: 1 });
    expect(performance.now() - killedMs).toBeLessThan(10_000);
  });

  test('forwards a due task that a Go program adds to one of them', async () => {
    const raw = await rawRedis(Number(new URL(store.url).port));
    const forwarded = nextEvent(events, 'tasks.forwarded');
    await raw.call('HSET', 'asynq:{q2500}:t:go', 'msg', 'x', 'state', 'scheduled');
    await raw.call('ZADD', 'asynq:{q2500}:scheduled', String(Math.floor(Date.now() / 1_000)), 'go');
    const addedMs = performance.now();
    expect(await forwarded).toEqual({ queue: 'q2500', moved: 1, lateMs: expect.any(Number) });
    expect(performance.now() - addedMs).toBeLessThan(5_000);
    raw.close();
  });
});
