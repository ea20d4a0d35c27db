import { describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { redisKind, sqliteKind, type BrokerPlace } from '../support/brokers.ts';
import { startProgram } from '../support/program.ts';

const COUNT = 100;
const LIMIT_MS = 12_000;
const ids = Array.from({ length: COUNT }, (_, i) => `task-${i}`);
const started = (line: string) => line.startsWith('started ');
const ended = (line: string) => line.startsWith('ended ');

async function enqueueAll(place: BrokerPlace): Promise<void> {
  const broker = await place.connect();
  await new Client(broker).enqueueMany(ids.map((id) => ({ task: 'x', id, retention: '1h' })));
  await broker.close();
}

/** Every task completed, once, after one crash. */
async function expectAllDone(place: BrokerPlace): Promise<void> {
  const broker = await place.connect();
  const [facts] = await broker.inspect.queueFacts(['default']);
  expect(facts).toMatchObject({ processed: COUNT, failed: 0 });
  expect(facts?.counts).toMatchObject({ completed: COUNT, active: 0, pending: 0, retry: 0, archived: 0 });
  for (const id of ids) {
    const task = await broker.inspect.task({ queue: 'default', id });
    expect(task).toMatchObject({ state: 'completed', crashes: 1, attempt: 2 });
    expect(task?.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'succeeded']);
  }
}

describe('SIGKILL of a worker that holds 100 tasks', () => {
  test.skipIf(!redisKind.available)('on Redis another worker finishes all of them within 12 s', async () => {
    const place = await redisKind.place();
    await enqueueAll(place);
    const victim = startProgram(import.meta.url, 'worker.mjs', place.url, 'hold');
    await victim.saw(started, COUNT);
    const other = startProgram(import.meta.url, 'worker.mjs', place.url, 'run');
    await other.saw((line) => line === 'ready');
    expect(other.lines.filter(started)).toHaveLength(0);
    victim.signal('SIGKILL');
    const killedAt = performance.now();
    await other.saw(ended, COUNT);
    expect(performance.now() - killedAt).toBeLessThan(LIMIT_MS);
    other.signal('SIGTERM');
    await Promise.all([victim.ended, other.ended]);
    expect(new Set(other.lines.filter(ended)).size).toBe(COUNT);
    await expectAllDone(place);
    await place.remove();
  });

  test('on SQLite all of them finish within 12 s of a restart', async () => {
    const place = await sqliteKind.place();
    await enqueueAll(place);
    const victim = startProgram(import.meta.url, 'worker.mjs', place.url, 'hold');
    await victim.saw(started, COUNT);
    victim.signal('SIGKILL');
    await victim.ended;
    const restartedAt = performance.now();
    const other = startProgram(import.meta.url, 'worker.mjs', place.url, 'run');
    await other.saw(ended, COUNT);
    expect(performance.now() - restartedAt).toBeLessThan(LIMIT_MS);
    other.signal('SIGTERM');
    await other.ended;
    await expectAllDone(place);
    await place.remove();
  });
});
