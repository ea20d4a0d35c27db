// How processes end that have a file open.
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CallGate, GateKeeper } from '../../../src/brokers/sqlite/call-gate.ts';
import { closeAtExit } from '../../../src/brokers/sqlite/main/exit-hook.ts';
import { openDatabase } from '../../../src/brokers/sqlite/thread/database.ts';
import { launchProgram } from '../../support/program.ts';
import { folder } from './open.ts';

const EXIT = fileURLToPath(new URL('programs/exit.mjs', import.meta.url));
const THREAD = new URL('programs/gate.thread.mjs', import.meta.url);

/** A thread that passes a gate with calls of `ms`; resolves when it is inside. */
async function startThread(ms: number) {
  const gate = new GateKeeper();
  const counts = new Int32Array(new SharedArrayBuffer(8));
  const thread = new Worker(THREAD, { workerData: { gate: gate.memory, counts: counts.buffer, ms } });
  onTestFinished(async () => void (await thread.terminate()));
  await new Promise((resolve) => thread.once('online', resolve));
  Atomics.wait(counts, 0, 0);
  return { gate, begun: () => Atomics.load(counts, 0), ended: () => Atomics.load(counts, 1) };
}

describe('the gate before the calls of the driver', () => {
  test('lets calls that have begun end, and no others begin', async () => {
    const { gate, begun, ended } = await startThread(10);
    gate.close();
    gate.waitUntilOutside(Infinity);
    expect(gate.isInside).toBe(false);
    const passed = ended();
    expect(passed).toBeGreaterThan(0);
    expect(begun()).toBe(passed);
    // Longer than several calls take.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    expect([begun(), ended(), gate.isInside]).toEqual([passed, passed, false]);
  });

  test('is waited for only as long as it is wanted', async () => {
    const { gate, ended } = await startThread(1_000_000);
    gate.close();
    const began = performance.now();
    gate.waitUntilOutside(began + 100);
    expect(performance.now() - began).toBeGreaterThanOrEqual(99);
    expect([gate.isInside, ended()]).toEqual([true, 0]);
  });

  test('is passed by calls that throw, and by calls within calls', () => {
    const keeper = new GateKeeper();
    const gate = new CallGate(keeper.memory);
    const fail = () => {
      throw new Error('failed');
    };
    expect(() => gate.run(() => gate.run(fail))).toThrow('failed');
    expect(keeper.isInside).toBe(false);
    expect(gate.run(() => [gate.run(() => keeper.isInside), keeper.isInside])).toEqual([true, true]);
    expect(keeper.isInside).toBe(false);
  });

  test('needs one listener of the process, however many files are open', () => {
    const before = process.listenerCount('exit');
    const ends = Array.from({ length: 20 }, () => closeAtExit(new GateKeeper()));
    expect(process.listenerCount('exit')).toBe(before + 1);
    for (const end of ends) end();
    expect(process.listenerCount('exit')).toBe(before);
  });
});

/** IDs of all tasks in a closed file. */
function idsIn(path: string): Set<unknown> {
  const database = openDatabase(path);
  try {
    const rows = database.prepare('SELECT id FROM task').all();
    return new Set(rows.map(([id]) => id));
  } finally {
    database.close();
  }
}

// `S16` of the fault experiments does this many times.
test('a process under load ends with its own exit code, and keeps what it acknowledged', async () => {
  const path = (await folder()).file('tasks.db');
  const acknowledged: string[] = [];
  for (const [end, code] of [
    ['exit', 3],
    ['throw', 1],
    ['exit', 3],
  ] as const) {
    const program = launchProgram(EXIT, { args: [path, end, '60'], quiet: true });
    expect(await program.ended).toEqual({ code, signal: null });
    acknowledged.push(...program.lines.flatMap((line) => line.match(/^stored (.+)/)?.[1] ?? []));
  }
  expect(acknowledged.length).toBeGreaterThan(0);
  const stored = idsIn(path);
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
});
