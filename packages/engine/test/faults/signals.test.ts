import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { redisKind, type TestStore } from '../support/brokers.ts';
import { startProgram } from '../support/program.ts';
import { tempFolder } from '../support/temp.ts';
import { until } from '../support/until.ts';

describe.skipIf(!redisKind.available)('a worker that handles signals', () => {
  let store: TestStore;
  let folder: Awaited<ReturnType<typeof tempFolder>>;

  beforeEach(async () => {
    store = await redisKind.createStore();
    folder = await tempFolder();
  });
  afterEach(async () => {
    await store.remove();
    await folder.remove();
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)(
    'takes no more tasks after SIGTSTP, and stops at %s',
    async (signal) => {
      const broker = await store.connect();
      const client = new Client(broker);
      const inspector = new Inspector(broker);
      const record = (id: string) => broker.inspect.task({ queue: 'default', id });
      const gate = folder.file('gate');
      const program = startProgram(import.meta.url, 'signals.mjs', store.url);
      await client.enqueue('x', gate, { id: 'runs', retention: '1h' });
      await program.waitForLine((line) => line === 'started runs');
      program.signal('SIGTSTP');
      // The worker announces this status when it has handled the signal.
      await until(async () => (await inspector.servers()).some(({ status }) => status === 'stopped'));
      await client.enqueue('x', gate, { id: 'waits' });
      await writeFile(gate, '');
      // A worker that still took tasks would take one in the call that finishes this attempt.
      await until(async () => (await record('runs'))?.state === 'completed');
      expect(await record('waits')).toMatchObject({ state: 'pending', deferrals: 0 });
      program.signal(signal);
      await program.waitForLine((line) => line === 'stopped');
      await program.ended;
      expect(program.lines).not.toContain('started waits');
    },
  );

  test.each([
    ['a second SIGTERM', ['SIGTERM', 'SIGTERM']],
    ['SIGINT after SIGTERM', ['SIGTERM', 'SIGINT']],
    ['SIGHUP', ['SIGHUP']],
  ] as const)('gives its tasks back within a second at %s, before it ends', async (_, signals) => {
    const broker = await store.connect();
    const program = startProgram(import.meta.url, 'signals.mjs', store.url);
    await new Client(broker).enqueue('x', folder.file('gate'), { id: 'held' });
    await program.waitForLine((line) => line === 'started held');
    program.signal(signals[0]);
    let ended: NodeJS.Signals | null | undefined;
    void program.ended.then(({ signal }) => (ended = signal));
    await until(() => {
      // One that comes within half a second counts as a copy of the first one.
      if (ended === undefined && signals[1]) program.signal(signals[1]);
      return ended !== undefined;
    });
    expect(ended).toBe(signals.at(-1));
    expect(program.lines).not.toContain('stopped');
    const record = await broker.inspect.task({ queue: 'default', id: 'held' });
    expect(record).toMatchObject({ state: 'pending', attempt: 0, deferrals: 1, crashes: 0 });
  });
});
