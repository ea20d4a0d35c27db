// Crashes and power losses of the SQLite file.
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import type { MemberOptions } from '../harness/member.ts';
import type { Run } from '../harness/run.ts';
import { integrityOf, digest, framesOf, readBytes } from '../harness/sqlite-file.ts';
import { operationsIn, loseUnsynced, syncsIn, traced } from '../harness/traced.ts';

const LOAD: MemberOptions = { work: { concurrency: 40 }, produce: { perSecond: 150 } };

/** The path of a new log file for strace. */
function traceFile(run: Run): string {
  const folder = join(dirname(run.bed.file), 'trace');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${run.members.length}.log`);
  run.cleanUp(() => rmSync(file, { force: true }));
  return file;
}

experiment(
  'S1',
  {
    title: 'SIGKILL of the process that owns the file',
    tier: 1,
    on: ['sqlite'],
    may: { duplicates: ['killed'], recoveryMs: 10_000 },
    fullLimitMs: 3_600_000,
  },
  async (run) => {
    let owner = await run.start(LOAD);
    for (let i = 0; i < run.times(5, 500); i += 1) {
      await owner.saw(({ e }) => e === 'start', 50);
      await run.phase(0, 300);
      await owner.kill();
      expect(integrityOf(run.bed.file)).toBe('ok');
      owner = await run.startAgain(owner);
    }
    await run.finish();
  },
);

experiment(
  'S2',
  {
    title: 'the write-ahead log is cut off at every frame and within frames',
    tier: 1,
    on: ['sqlite'],
    may: { duplicates: ['killed'] },
    fullLimitMs: 1_800_000,
  },
  async (run) => {
    const owner = await run.start(LOAD);
    await owner.saw(({ e }) => e === 'ack', 100);
    await run.phase(0, 300);
    await owner.kill();
    const { file, log } = readBytes(run.bed.file);
    const frames = framesOf(log);
    const step = Math.max(1, Math.floor(frames.length / run.times(40, 1_000)));
    const first = Math.floor(run.random.between(0, step));
    const size = (frames[1]?.end ?? 0) - (frames[0]?.end ?? 0);
    let cuts = 0;
    for (let i = first; i < frames.length; i += step) {
      const end = frames[i]?.end ?? 0;
      const committed = frames.slice(0, i + 1).findLast(({ commits }) => commits)?.end ?? 0;
      const expected = digest({ file, log: log.subarray(0, committed) });
      const within = end + Math.floor(run.random.between(1, size));
      // Exactly the committed data survive, no matter where in the next frames the log ends.
      const inFrame = frames[i + 1] ? within : end;
      for (const cut of [end, inFrame])
        expect(digest({ file, log: log.subarray(0, cut) }), `the log of ${cut} bytes`).toBe(expected);
      cuts += 2;
    }
    run.fact('frames', frames.length);
    expect(frames.length).toBeGreaterThan(100);
    run.fact('cuts', cuts);
    run.heal('started again', [owner]);
    await run.startAgain(owner);
    await run.finish();
  },
);

experiment(
  'S3',
  {
    title: 'power loss: everything that was not synced turns into noise',
    tier: 2,
    on: ['sqlite'],
    may: { duplicates: ['killed'] },
  },
  async (run) => {
    let lost = 0;
    for (let i = 0; i < run.times(4, 60); i += 1) {
      const log = traceFile(run);
      const launch = traced(log, `delay_enter=${Math.round(run.random.between(5_000, 60_000))}`);
      const owner = await run.start({ ...LOAD, launch });
      await owner.saw(({ e }) => e === 'ack', 60);
      await run.phase(0, 200);
      await owner.kill();
      lost += loseUnsynced(await operationsIn(log));
      expect(integrityOf(run.bed.file)).toBe('ok');
    }
    run.fact('bytes lost', lost);
    expect(lost, 'bytes that were not synced').toBeGreaterThan(0);
    await run.finish();
  },
);

/** The largest difference between the clocks of strace and of the member, ms. */
const CLOCK_MS = 3;

experiment(
  'S4',
  {
    title: 'a slow disk: nothing is acknowledged before its sync has ended',
    tier: 2,
    on: ['sqlite'],
    may: { duplicates: ['killed'] },
  },
  async (run) => {
    let checkCount = 0;
    for (let i = 0; i < run.times(2, 20); i += 1) {
      const log = traceFile(run);
      const owner = await run.start({ ...LOAD, launch: traced(log, 'delay_enter=40000') });
      await owner.saw(({ e }) => e === 'ack', 150);
      await run.phase(0, 200);
      await owner.kill();
      const syncs = syncsIn(await operationsIn(log));
      const lines = owner.history.read();
      const calls = new Map(lines.flatMap((line) => (line.e === 'call' ? [[line.id, line.t]] : [])));
      const early = lines.filter((line) => {
        if (line.e !== 'ack') return false;
        const called = calls.get(line.id) ?? Infinity;
        checkCount += 1;
        return !syncs.some(({ began, ended }) => began >= called - CLOCK_MS && ended <= line.t + CLOCK_MS);
      });
      expect(early, 'acknowledgements without a sync since the call').toEqual([]);
    }
    run.fact('acknowledgements checked', checkCount);
    await run.finish();
  },
);

experiment(
  'S9',
  {
    title: 'fsync fails once (EIO): nothing is acknowledged after that',
    tier: 2,
    on: ['sqlite'],
    may: { duplicates: ['killed', 'crashed'] },
  },
  async (run) => {
    for (let i = 0; i < run.times(2, 20); i += 1) {
      const log = traceFile(run);
      const when = Math.round(run.random.between(100, 200));
      const owner = await run.start({ ...LOAD, launch: traced(log, `error=EIO:when=${when}`) });
      await owner.saw(({ e }) => e === 'refused', 20);
      await owner.kill();
      const failure = (await operationsIn(log)).find(({ kind, failed }) => kind === 'sync' && failed);
      const lines = owner.history.read();
      const late = (line: (typeof lines)[number]) => line.t > (failure?.ended ?? 0) + CLOCK_MS;
      expect(
        lines.filter((line) => line.e === 'ack' && late(line)),
        'false acknowledgements',
      ).toEqual([]);
      expect(
        lines.filter((line) => line.e === 'finished' && late(line) && line.outcome === 'succeeded'),
      ).toEqual([]);
      expect(integrityOf(run.bed.file)).toBe('ok');
    }
    await run.finish();
  },
);
