import { describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { redisKind, sqliteKind, type TestStore } from '../support/brokers.ts';
import { startProgram } from '../support/program.ts';

const COUNT = 100;
const LIMIT_MS = 12_000;
const ids = Array.from({ length: COUNT }, (_, i) => `task-${i}`);
const started = (line: string) => line.startsWith('started ');
const ended = (line: string) => line.startsWith('ended ');

async function enqueueAll(store: TestStore): Promise<void> {
  const broker = await store.connect();
  await new Client(broker).enqueueMany(ids.map((id) => ({ task: 'x', id, retention: '1h' })));
  await broker.close();
}

/** Checks that every task has completed once, after one crash. */
async function expectAllDone(store: TestStore): Promise<void> {
  const broker = await store.connect();
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
    const store = await redisKind.createStore();
    await enqueueAll(store);
    const victim = startProgram(import.meta.url, 'worker.mjs', store.url, 'hold');
    await victim.waitForLine(started, COUNT);
    const other = startProgram(import.meta.url, 'worker.mjs', store.url, 'run');
    await other.waitForLine((line) => line === 'ready');
    expect(other.lines.filter(started)).toHaveLength(0);
    victim.signal('SIGKILL');
    const killedAt = performance.now();
    await other.waitForLine(ended, COUNT);
    expect(performance.now() - killedAt).toBeLessThan(LIMIT_MS);
    other.signal('SIGTERM');
    await Promise.all([victim.ended, other.ended]);
    expect(new Set(other.lines.filter(ended)).size).toBe(COUNT);
    await expectAllDone(store);
    await store.remove();
  });

  test('on SQLite all of them finish within 12 s of a restart', async () => {
    const store = await sqliteKind.createStore();
    await enqueueAll(store);
    const victim = startProgram(import.meta.url, 'worker.mjs', store.url, 'hold');
    await victim.waitForLine(started, COUNT);
    victim.signal('SIGKILL');
    await victim.ended;
    const restartedAt = performance.now();
    const other = startProgram(import.meta.url, 'worker.mjs', store.url, 'run');
    await other.waitForLine(ended, COUNT);
    expect(performance.now() - restartedAt).toBeLessThan(LIMIT_MS);
    other.signal('SIGTERM');
    await other.ended;
    await expectAllDone(store);
    await store.remove();
  });
});
