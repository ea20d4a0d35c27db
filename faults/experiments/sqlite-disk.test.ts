// SQLite on full, damaged and read-only disks.
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@task-center/engine';
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import { readBrokerContent } from '../harness/broker-content.ts';
import { now, until } from '../harness/history.ts';
import type { Member, MemberOptions } from '../harness/member.ts';
import { putOnSmallDisk } from '../harness/small-disk.ts';
import { integrityOf, copyOf, digest, readBytes } from '../harness/sqlite-file.ts';

const LOAD: MemberOptions = { work: { concurrency: 40 }, produce: { perSecond: 150 } };
/** Large payloads, which fill a small disk within seconds. */
const LARGE: MemberOptions = {
  work: { concurrency: 40 },
  produce: { perSecond: 150, payload: { filler: 'x'.repeat(4_000) } },
};

/** Waits until the owner acknowledges a task; resolves to the duration, ms. */
async function timeToNextAck(owner: Member): Promise<number> {
  const began = now();
  await owner.saw(({ e }) => e === 'ack');
  return Math.round(now() - began);
}

/** The number of acknowledged tasks that have no end yet. */
function unfinishedOf(owner: Member): number {
  const open = new Set<string>();
  for (const line of owner.history.read()) {
    if (line.e === 'ack') open.add(line.id);
    if (line.e === 'finished' && (line.outcome === 'succeeded' || line.outcome === 'archived'))
      open.delete(line.id);
  }
  return open.size;
}

const codesOf = (owner: Member): string[] => [
  ...new Set(
    owner.history.read().flatMap((line) => (line.e === 'refused' || line.e === 'unknown' ? [line.code] : [])),
  ),
];

experiment(
  'S5',
  {
    title: 'the disk is full, then it is made larger',
    tier: 1,
    on: ['sqlite'],
  },
  async (run) => {
    const disk = putOnSmallDisk(run, 16);
    const owner = await run.start(LARGE);
    for (let i = 0; i < run.times(1, 10); i += 1) {
      await owner.saw((line) => line.e === 'refused');
      run.fault('the disk is full');
      const filled = now();
      // The reserve must suffice to finish all acknowledged tasks.
      await until(() => unfinishedOf(owner) === 0, { what: 'all acknowledged tasks have ended' });
      run.fact('worked off within, ms', Math.round(now() - filled));
      const acked = owner.history.read().filter((line) => line.e === 'ack' && line.t > filled + 1_000);
      expect(acked, 'tasks that were acknowledged while the disk was full').toEqual([]);
      disk.resize(16 * (i + 2));
      run.heal('there is space');
      const resumed = await timeToNextAck(owner);
      run.fact('taken again after, ms', resumed);
      expect(resumed).toBeLessThan(5_000);
    }
    expect(codesOf(owner)).toEqual(['broker-full']);
    await run.finish();
  },
);

experiment(
  'S13',
  {
    title: 'the disk is too small for the reserve, and full',
    tier: 2,
    on: ['sqlite'],
    // Ends that cannot be written are dropped with their leases.
    may: { duplicates: ['lease-lost'] },
  },
  async (run) => {
    const disk = putOnSmallDisk(run, 2);
    const owner = await run.start(LARGE);
    await owner.saw((line) => line.e === 'refused', 20);
    await sleep(3_000);
    disk.resize(64);
    run.heal('there is space');
    const resumed = await timeToNextAck(owner);
    run.fact('taken again after, ms', resumed);
    expect(resumed).toBeLessThan(5_000);
    expect(codesOf(owner)).toEqual(['broker-full']);
    await run.finish();
  },
);

const LOG_CAP = 24 * 1_024 * 1_024;

experiment(
  'S7',
  {
    title: 'a long-running reader is refused, and the log stays bounded',
    tier: 2,
    on: ['sqlite'],
    fullLimitMs: 300_000,
  },
  async (run) => {
    const produce = {
      perSecond: 400,
      parallel: 100,
      payload: { filler: 'x'.repeat(20_000) },
      mix: { ms: [1, 5] as const },
    };
    const owner = await run.start({ work: { concurrency: 40 }, produce });
    const end = now() + run.times(12_000, 60_000);
    let largest = 0;
    while (now() < end) {
      await expect(connect(run.bed.url), 'a reader').rejects.toMatchObject({ code: 'database-in-use' });
      largest = Math.max(largest, statSync(`${run.bed.file}-wal`).size);
      await sleep(50);
    }
    run.fact('largest log, bytes', largest);
    run.fact('acknowledged', owner.history.read().filter(({ e }) => e === 'ack').length);
    expect(largest).toBeLessThan(LOG_CAP);
    await run.finish();
  },
);

/** Whether a damaged file is refused when it is opened or read. @throws Error where it is read as other data */
async function isRefused(path: string, expected: string): Promise<boolean> {
  try {
    const broker = await connect(`sqlite:${path}`);
    try {
      await readBrokerContent(broker);
    } finally {
      await broker.close();
    }
  } catch (error) {
    expect((error as { code?: string }).code).toMatch(/^(database|broker)-/);
    return true;
  }
  if (digest(readBytes(path)) !== expected) throw new Error('the damage was not detected');
  return false;
}

const PAGE = 4_096;

experiment(
  'S8',
  {
    title: 'a page of the file turns into noise',
    tier: 2,
    on: ['sqlite'],
    may: { duplicates: ['killed'] },
  },
  async (run) => {
    const owner = await run.start(LOAD);
    await owner.saw(({ e }) => e === 'ack', 300);
    await owner.stop();
    const whole = readBytes(run.bed.file);
    const before = copyOf(run, whole);
    // Open and close it once: the expected data then include what opening changes.
    await (await connect(`sqlite:${before}`)).close();
    const valid = readBytes(before);
    const expected = digest(valid);
    let refused = 0;
    const times = run.times(30, 300);
    for (let i = 0; i < times; i += 1) {
      const file = Buffer.from(valid.file);
      const page = Math.floor(run.random.between(0, file.length / PAGE));
      for (let offset = page * PAGE; offset < (page + 1) * PAGE; offset += 1)
        file[offset] = Math.floor(run.random.between(0, 256));
      if (await isRefused(copyOf(run, { ...valid, file }), expected)) refused += 1;
    }
    run.fact('pages that were seen', refused);
    run.fact('pages that do not matter', times - refused);
    expect(refused).toBeGreaterThan(0);
    await run.startAgain(owner);
    await run.finish();
  },
);

experiment(
  'S12',
  {
    title: 'the file system is read-only',
    tier: 2,
    on: ['sqlite'],
    may: { duplicates: ['killed'] },
  },
  async (run) => {
    const disk = putOnSmallDisk(run, 64);
    let owner = await run.start(LOAD);
    for (let i = 0; i < run.times(2, 20); i += 1) {
      await owner.saw(({ e }) => e === 'start', 50);
      // The kernel refuses while a file is open for writing.
      expect(() => disk.setReadOnly(true)).toThrow(/busy/);
      await owner.kill();
      disk.setReadOnly(true);
      await expect(connect(run.bed.url)).rejects.toMatchObject({
        code: 'database-unusable',
        message: expect.stringContaining('read-only'),
      });
      disk.setReadOnly(false);
      expect(integrityOf(run.bed.file)).toBe('ok');
      owner = await run.startAgain(owner);
      await until(() => owner.history.read().some(({ e }) => e === 'ack'), {
        what: 'it accepts tasks again',
        limitMs: 5_000,
      });
    }
    await run.finish();
  },
);
