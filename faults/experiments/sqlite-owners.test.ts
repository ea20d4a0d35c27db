// Several processes that want the same SQLite file.
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@task-center/engine';
import { expect } from 'vitest';
import { launchProgram, type Program } from '../../packages/engine/test/support/program.ts';
import { experiment } from '../harness/experiment.ts';
import { now } from '../harness/history.ts';
import { integrityOf } from '../harness/sqlite-file.ts';
import type { MemberOptions } from '../harness/member.ts';
import { withoutLocks } from '../harness/no-locks.ts';

const LOAD: MemberOptions = { work: { concurrency: 40 }, produce: { perSecond: 150 } };
const LOCK = fileURLToPath(
  new URL('../../packages/engine/test/brokers/sqlite/programs/lock.mjs', import.meta.url),
);

/** Opens the file and keeps it; prints `open`, or the code of the error and its text. */
const HOLD = fileURLToPath(
  new URL('../../packages/engine/test/brokers/sqlite/programs/hold.mjs', import.meta.url),
);

/** Opens the file and enqueues a task each 50 ms; prints what comes of it. */
const OWN = fileURLToPath(
  new URL('../../packages/engine/test/brokers/sqlite/programs/own.mjs', import.meta.url),
);

/** Another program that tries to take the write lock repeatedly and holds it for `holdMs`; it prints `locked` or `busy`. */
const foreignWriter = (path: string, holdMs: number): Program =>
  launchProgram(LOCK, { args: [path, String(holdMs)], quiet: true });

experiment(
  'S6',
  {
    title: 'another program holds the write lock, then competes for it',
    tier: 1,
    on: ['sqlite'],
  },
  async (run) => {
    // Create the file.
    await (await connect(run.bed.url)).close();
    const holder = foreignWriter(run.bed.file, 10_000);
    await holder.waitForLine((line) => line === 'locked');
    const began = now();
    await expect(connect(run.bed.url)).rejects.toMatchObject({ code: 'database-in-use' });
    run.fact('refused after, ms', Math.round(now() - began));
    expect(now() - began).toBeLessThan(3_000);
    await holder.kill();
    const owner = await run.start(LOAD);
    const rival = foreignWriter(run.bed.file, 0);
    await owner.saw(({ e }) => e === 'ack', run.times(1_000, 10_000), 120_000);
    await rival.kill();
    expect(rival.lines.filter((line) => line === 'locked')).toEqual([]);
    run.fact('attempts to take the lock', rival.lines.length);
    expect(rival.lines.length).toBeGreaterThan(0);
    const { tasks } = await run.finish();
    expect([tasks.refused, tasks.unknown]).toEqual([0, 0]);
  },
);

experiment(
  'S10',
  {
    title: 'other processes open the file while it is in use',
    tier: 2,
    on: ['sqlite'],
  },
  async (run) => {
    const owner = await run.start(LOAD);
    const times = run.times(20, 500);
    for (let i = 0; i < times; i += 1) {
      await owner.saw(({ e }) => e === 'start', 5);
      await expect(connect(run.bed.url)).rejects.toMatchObject({ code: 'database-in-use' });
    }
    run.fact('refused openings', times);
    const { tasks } = await run.finish();
    expect([tasks.refused, tasks.unknown]).toEqual([0, 0]);
  },
);

experiment(
  'S11',
  {
    title: 'leases of an earlier process are void, however long they were',
    tier: 2,
    on: ['sqlite'],
    // A task that was lost twice starts alone.
    may: { duplicates: ['killed'], recoveryMs: 20_000 },
  },
  async (run) => {
    const load: MemberOptions = {
      work: { concurrency: 40, lease: '10m' },
      produce: { perSecond: 40, mix: { ms: [200, 1_000] } },
    };
    let owner = await run.start(load);
    for (let i = 0; i < run.times(3, 50); i += 1) {
      await owner.saw(({ e }) => e === 'start', 40);
      await run.phase(0, 300);
      await owner.kill();
      await sleep(500);
      const before = owner;
      run.heal('started again', [before]);
      owner = await run.startAgain(before);
    }
    const { recovery } = await run.finish();
    expect(recovery?.n, 'tasks that were held').toBeGreaterThan(0);
  },
);

experiment(
  'S14',
  {
    title: 'file locks succeed without effect, and a second process wants the file',
    tier: 1,
    on: ['sqlite'],
    may: { duplicates: ['killed'], recoveryMs: 10_000 },
  },
  async (run) => {
    const env = withoutLocks(run);
    const open = (path: string) => launchProgram(HOLD, { args: [path], env, quiet: true });
    let owner = await run.start({ ...LOAD, launch: { env } });
    for (let i = 0; i < run.times(3, 30); i += 1) {
      await owner.saw(({ e }) => e === 'start', 50);
      const second = open(run.bed.file);
      expect(await second.nextLine()).toMatch(/^database-in-use .*process \d+ on /);
      await second.kill();
      // The mark of a killed owner delays nothing.
      await owner.kill();
      owner = await run.startAgain(owner);
    }
    // Of processes that start at the same moment one gets the file.
    for (let i = 0; i < run.times(3, 30); i += 1) {
      const path = `${run.bed.file}-race-${i}`;
      const rivals = Array.from({ length: 4 }, () => open(path));
      const lines = await Promise.all(rivals.map((rival) => rival.nextLine()));
      expect(lines.filter((line) => line === 'open')).toHaveLength(1);
      await Promise.all(rivals.map((rival) => rival.kill()));
    }
    await run.finish();
  },
);

/** In a namespace of its own a process sees none of the others, as on another machine. Linux only, as root. */
const APART = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

experiment(
  'S15',
  {
    title: 'the owner stands still, and one that cannot see it takes the file; locks have no effect',
    tier: 2,
    on: ['sqlite'],
    limitMs: 120_000,
  },
  async (run) => {
    const env = withoutLocks(run);
    const path = `${run.bed.file}-taken-over`;
    const own = (wrapper: readonly string[] = []) =>
      launchProgram(OWN, { args: [path], env, wrapper, quiet: true });
    const storedBy = ({ lines }: Program) => lines.filter((line) => line.startsWith('stored')).length;
    let acknowledged = 0;
    for (let i = 0; i < run.times(2, 20); i += 1) {
      const first = own();
      await first.waitForLine((line) => line === 'stored 5');
      first.signal('SIGSTOP');
      const storedBefore = storedBy(first);
      const began = now();
      const second = own(APART);
      await second.waitForLine((line) => line === 'stored 5');
      expect(now() - began, 'waited for a sign of life, ms').toBeGreaterThan(5_000);
      first.signal('SIGCONT');
      await first.waitForLine((line) => line.startsWith('refused'));
      await first.waitForLine((line) => line === 'found file_owner');
      await second.waitForLine((line) => line.startsWith('stored'), storedBy(second) + 20);
      // At most the line that was on its way when it was stopped.
      expect(storedBy(first)).toBeLessThanOrEqual(storedBefore + 1);
      acknowledged += storedBy(first);
      await first.kill();
      await second.kill();
      acknowledged += storedBy(second);
      expect(integrityOf(path)).toBe('ok');
    }
    const broker = await connect(`sqlite:${path}`);
    const [facts] = await broker.inspect.queueFacts(['default']);
    await broker.close();
    run.fact('acknowledged by both', acknowledged);
    expect(facts?.counts.pending).toBeGreaterThanOrEqual(acknowledged);
    await run.finish();
  },
);
