import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { startProgram } from '../support/program.ts';

/** A process that something keeps alive does not end at all. */
const MAX_END_MS = 20_000;

describe.each(brokerKinds)('a process that closes its broker on $name', ({ available, createStore }) => {
  let store: TestStore;

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
  });
  afterEach(() => store?.remove());

  test('ends by itself, in whatever order it closes what it has', async () => {
    const program = startProgram(import.meta.url, 'closing.mjs', store.url);
    await program.waitForLine((line) => line === 'done');
    const timer = setTimeout(() => void program.kill(), MAX_END_MS);
    expect(await program.ended).toEqual({ code: 0, signal: null });
    clearTimeout(timer);
    const left = program.lines.filter((line) => line !== 'done' && !line.endsWith(': nothing left'));
    expect(left).toEqual([]);
    expect(program.lines).toHaveLength(14);
  });
});
