// Several processes that want the same SQLite file.
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@task-center/engine';
import { expect } from 'vitest';
import { launchProgram, type Program } from '../../packages/engine/test/support/program.ts';
import { experiment } from '../harness/experiment.ts';
import { now } from '../harness/history.ts';
import type { MemberOptions } from '../harness/member.ts';

const LOAD: MemberOptions = { work: { concurrency: 40 }, produce: { perSecond: 150 } };
const LOCK = fileURLToPath(
  new URL('../../packages/engine/test/brokers/sqlite/programs/lock.mjs', import.meta.url),
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
      work: { concurrency: 40, leaseMs: 600_000 },
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
