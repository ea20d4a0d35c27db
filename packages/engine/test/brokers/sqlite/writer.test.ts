import { onTestFinished, describe, expect, test } from 'vitest';
import { plain } from '../../../src/brokers/sqlite/packing.ts';
import { startWriter, type Writer } from '../../../src/brokers/sqlite/main/writer.ts';

interface Watched {
  readonly writer: Writer;
  readonly causes: string[];
}

async function start(program: string): Promise<Watched> {
  const causes: string[] = [];
  const writer = await startWriter({
    path: '/nowhere/tasks.db',
    entry: new URL(`programs/${program}`, import.meta.url),
    onQueueChanges() {},
    onBroken: (cause) => causes.push(cause),
  });
  onTestFinished(() => writer.close());
  return { writer, causes };
}

const ping = (writer: Writer, signal?: AbortSignal) =>
  writer.run('ping', plain(null), signal ? { signal } : {});

describe('a writer thread', () => {
  test('that dies rejects what it had and what comes later, and says so once', async () => {
    const { writer, causes } = await start('die.thread.mjs');
    const had = [ping(writer), ping(writer, new AbortController().signal)];
    for (const call of had) {
      await expect(call).rejects.toMatchObject({
        code: 'broker-unavailable',
        details: { outcome: 'unknown', broker: 'sqlite:/nowhere/tasks.db' },
      });
    }
    await expect(ping(writer)).rejects.toMatchObject({
      code: 'broker-unavailable',
      details: { outcome: 'not_stored', cause: 'its writer thread ended with code 7' },
    });
    expect(causes).toEqual(['its writer thread ended with code 7']);
  });

  test('that cannot be loaded makes the database unusable', async () => {
    await expect(start('missing.thread.mjs')).rejects.toMatchObject({ code: 'database-unusable' });
  });

  test('that does not answer ends calls within about five seconds, patient ones at their signal', async () => {
    const { writer } = await start('deaf.thread.mjs');
    const patience = new AbortController();
    let patientEnded = false;
    const patient = ping(writer, patience.signal).catch((error: unknown) => {
      patientEnded = true;
      return error;
    });
    const beganMs = performance.now();
    await expect(ping(writer)).rejects.toMatchObject({
      code: 'broker-unavailable',
      details: { outcome: 'unknown' },
    });
    const tookMs = performance.now() - beganMs;
    expect(tookMs).toBeGreaterThan(4_500);
    expect(tookMs).toBeLessThan(6_500);
    expect(patientEnded).toBe(false);
    patience.abort();
    expect(await patient).toMatchObject({ code: 'broker-unavailable' });
  });

  test('that falls behind is not given more than it can hold', async () => {
    const { writer } = await start('deaf.thread.mjs');
    const calls = Array.from({ length: 10_000 }, () => ping(writer));
    const all = Promise.allSettled(calls);
    await expect(ping(writer)).rejects.toMatchObject({
      code: 'broker-unavailable',
      details: { outcome: 'not_stored', cause: '10000 calls wait for the disk already' },
    });
    await writer.close();
    const outcomes = await all;
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
  });

  test('that is behind in bytes is not given more either', async () => {
    const { writer } = await start('deaf.thread.mjs');
    const large = { data: null, bytes: [new Uint8Array(33 * 1_024 * 1_024)] };
    const calls = Promise.allSettled([writer.run('ping', large), writer.run('ping', large)]);
    await expect(ping(writer)).rejects.toMatchObject({ details: { outcome: 'not_stored' } });
    await writer.close();
    await calls;
  });
});
