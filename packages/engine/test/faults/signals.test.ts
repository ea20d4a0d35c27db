import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { redisKind, type BrokerPlace } from '../support/brokers.ts';
import { startProgram } from '../support/program.ts';
import { tempFolder } from '../support/temp.ts';

describe.skipIf(!redisKind.available)('a worker that heeds signals', () => {
  let place: BrokerPlace;
  let folder: Awaited<ReturnType<typeof tempFolder>>;

  beforeEach(async () => {
    place = await redisKind.place();
    folder = await tempFolder();
  });
  afterEach(async () => {
    await place.remove();
    await folder.remove();
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'takes nothing more after TSTP, and stops at %s',
    async (signal) => {
      const broker = await place.connect();
      const client = new Client(broker);
      const gate = folder.file('gate');
      const program = startProgram(import.meta.url, 'signals.mjs', place.url);
      await client.enqueue('x', gate, { id: 'runs' });
      await program.saw((line) => line === 'started runs');
      program.signal('SIGTSTP');
      // The signal is on its way: what comes much later is taken no more.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await client.enqueue('x', gate, { id: 'waits' });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await writeFile(gate, '');
      await program.saw((line) => line === 'ended runs');
      expect(await broker.inspect.task({ queue: 'default', id: 'waits' })).toMatchObject({
        state: 'pending',
      });
      program.signal(signal);
      await program.saw((line) => line === 'stopped');
      await program.ended;
      expect(program.lines).not.toContain('started waits');
    },
  );
});
