import { expect, onTestFinished, test } from 'vitest';
import { brokerKinds, type BrokerKind } from '../../support/brokers.ts';
import { startProgram, type Program } from '../../support/program.ts';

// Misuse that stops a whole process, or concerns one: a process for each broker, at the same time.

/** Starts the program with a store of its own on each broker of this machine. */
async function startEach(name: string): Promise<Program[]> {
  const start = async (kind: BrokerKind) => {
    const store = await kind.createStore();
    onTestFinished(() => store.remove());
    return startProgram(import.meta.url, name, store.url);
  };
  return Promise.all(brokerKinds.filter(({ available }) => available).map(start));
}

test('a handler that blocks the event loop for longer than its lease: its task runs once, and so do its neighbours', async () => {
  for (const program of await startEach('blocked.mjs')) {
    await program.ended;
    expect(program.lines).toEqual(['runs of each task: 1,1,1', 'lost leases: 0']);
  }
});

test('11 workers with listeners for signals: SIGTERM stops all, the process ends, and nothing warns', async () => {
  for (const program of await startEach('signal-listeners.mjs')) {
    await program.waitForLine((line) => line === 'ready');
    program.signal('SIGTERM');
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(program.lines).toEqual(['ready', 'stopped 11']);
  }
});
