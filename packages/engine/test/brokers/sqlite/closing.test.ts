import { readdir } from 'node:fs/promises';
import { expect, describe, test } from 'vitest';
import { aTask, manyTasks } from '../../support/factories.ts';
import { folder, open } from './open.ts';

describe('closing', () => {
  test('finishes all calls made before, also under load', async () => {
    const path = (await folder()).file('tasks.db');
    const broker = await open(path);
    const calls = Array.from({ length: 200 }, (_, index) =>
      broker.submit.enqueue(manyTasks(20, `c${index}-`)),
    );
    const closed = broker.close();
    const outcomes = (await Promise.all(calls)).flat();
    await closed;
    expect(new Set(outcomes.map(({ code }) => code))).toEqual(new Set(['created']));
    const [facts] = await (await open(path)).inspect.queueFacts(['default']);
    expect(facts?.counts.pending).toBe(4_000);
  });

  test('may be done twice, and rejects every later call', async () => {
    const broker = await open((await folder()).file('tasks.db'));
    await Promise.all([broker.close(), broker.close()]);
    await broker.close();
    await expect(broker.ping()).rejects.toMatchObject({ code: 'broker-closed' });
    await expect(broker.submit.enqueue([aTask()])).rejects.toMatchObject({ code: 'broker-closed' });
    await expect(broker.inspect.queues()).rejects.toMatchObject({ code: 'broker-closed' });
  });

  test('wakes all callers that wait for work', async () => {
    const broker = await open((await folder()).file('tasks.db'));
    const never = new AbortController().signal;
    const waiting = [
      broker.signals.waitForWork(['default'], never),
      broker.signals.waitForDue([{ queue: 'default', nextDueMs: null }], never),
    ];
    await broker.close();
    await Promise.all(waiting);
  });

  test('leaves no log beside the file', async () => {
    const { path, file } = await folder();
    const broker = await open(file('tasks.db'));
    await broker.submit.enqueue(manyTasks(100, 't'));
    await broker.close();
    expect(await readdir(path)).toEqual(['tasks.db']);
  });
});
