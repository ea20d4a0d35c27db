import { onTestFinished, describe, expect, test } from 'vitest';
import { plain } from '../../../src/brokers/sqlite/packing.ts';
import { startWriter } from '../../../src/brokers/sqlite/main/start-writer.ts';
import type { Writer } from '../../../src/brokers/sqlite/main/writer.ts';

interface Started {
  readonly writer: Writer;
  /** Causes that were passed to `onBroken`. */
  readonly causes: string[];
}

async function start(program: string): Promise<Started> {
  const causes: string[] = [];
  const writer = await startWriter({
    path: '/nowhere/tasks.db',
    entry: new URL(`programs/${program}`, import.meta.url),
    onFound() {},
    onChanges() {},
    onBroken: (cause) => causes.push(cause),
  });
  onTestFinished(() => writer.close());
  return { writer, causes };
}

const ping = (writer: Writer, signal?: AbortSignal) =>
  writer.run('ping', plain(null), signal ? { signal } : {});

describe('a writer thread', () => {
  test('that dies rejects its calls and all later ones, and is reported as broken once', async () => {
    const { writer, causes } = await start('die.thread.mjs');
    const calls = [ping(writer), ping(writer, new AbortController().signal)];
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({
        code: 'broker-unavailable',
        details: { outcome: 'unknown', broker: 'sqlite:/nowhere/tasks.db' },
      });
    }
    await expect(ping(writer)).rejects.toMatchObject({
      code: 'broker-unavailable',
      details: { outcome: 'not_stored', cause: 'its writer thread ended with code 7' },
    });
    await expect(writer.backUp('/nowhere/copy.db')).rejects.toMatchObject({
      code: 'broker-unavailable',
      details: { outcome: 'not_stored' },
    });
    expect(causes).toEqual(['its writer thread ended with code 7']);
  });

  test('that cannot be loaded makes the database unusable', async () => {
    await expect(start('missing.thread.mjs')).rejects.toMatchObject({ code: 'database-unusable' });
  });

  test('that does not answer ends calls after five seconds, those with a signal when it aborts', async () => {
    const { writer } = await start('deaf.thread.mjs');
    const controller = new AbortController();
    let isPatientEnded = false;
    const patient = ping(writer, controller.signal).catch((error: unknown) => {
      isPatientEnded = true;
      return error;
    });
    const startedMs = performance.now();
    await expect(ping(writer)).rejects.toMatchObject({
      code: 'broker-unavailable',
      details: { outcome: 'unknown' },
    });
    const elapsedMs = performance.now() - startedMs;
    expect(elapsedMs).toBeGreaterThan(4_500);
    expect(elapsedMs).toBeLessThan(6_500);
    expect(isPatientEnded).toBe(false);
    controller.abort();
    expect(await patient).toMatchObject({ code: 'broker-unavailable' });
  });

  test('that falls behind gets no more calls than its bound', async () => {
    const { writer } = await start('deaf.thread.mjs');
    const calls = Array.from({ length: 10_000 }, () => ping(writer));
    const settled = Promise.allSettled(calls);
    await expect(ping(writer)).rejects.toMatchObject({
      code: 'broker-unavailable',
      details: { outcome: 'not_stored', cause: '10000 calls are already waiting for the disk' },
    });
    await writer.close();
    const outcomes = await settled;
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
  });

  test('that falls behind gets no more bytes than its bound', async () => {
    const { writer } = await start('deaf.thread.mjs');
    const large = { data: null, bytes: [new Uint8Array(33 * 1_024 * 1_024)] };
    const calls = Promise.allSettled([writer.run('ping', large), writer.run('ping', large)]);
    await expect(ping(writer)).rejects.toMatchObject({ details: { outcome: 'not_stored' } });
    await writer.close();
    await calls;
  });
});
