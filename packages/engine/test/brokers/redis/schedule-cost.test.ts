import { describe, expect, test } from 'vitest';
import type { FireWrite } from '../../../src/broker/fires.ts';
import type { ScheduleFilter } from '../../../src/broker/schedule-records.ts';
import type { ScheduleStore } from '../../../src/broker/schedules.ts';
import { aTask } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { aPlan, aSchedule } from '../../support/schedules.ts';
import { redisBed } from './bed.ts';

describe.skipIf(!hasRedis())('what schedules cost on Redis', () => {
  const bed = redisBed();
  const store = (): ScheduleStore => bed.broker.schedules;

  /** Writes schedules of the queue `default`, in the order of their names. */
  async function putMany(count: number): Promise<string[]> {
    const names = Array.from({ length: count }, (_, i) => `s${1_000 + i}`);
    await store().put(
      names.map((name) => {
        const { plan: _plan, ...schedule } = aSchedule({ name, owner: 'web' });
        return schedule;
      }),
    );
    return names;
  }

  /** Counts the scripts and the commands that a call makes. */
  async function costOf(call: () => Promise<unknown>): Promise<{ scripts: number; commands: number }> {
    await bed.ask('CONFIG', 'RESETSTAT');
    await call();
    const stats = String(await bed.ask('INFO', 'commandstats'));
    const calls = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(
      ([, name = '', count]) => [name, Number(count)] as const,
    );
    const sum = (isCounted: (name: string) => boolean) =>
      calls.reduce((total, [name, count]) => total + (isCounted(name) ? count : 0), 0);
    const isScript = (name: string) => name.startsWith('evalsha');
    return {
      scripts: sum(isScript),
      commands: sum((name) => !isScript(name) && !/^(config|info|script)/.test(name)),
    };
  }

  /** Fires with a task each. */
  async function writes(names: readonly string[]): Promise<FireWrite[]> {
    const { schedules } = await store().get(names);
    const fireMs = bed.now();
    return schedules.map((schedule) => ({
      name: schedule!.name,
      stamp: schedule!.stamp,
      fires: [{ outcome: 'fired', fireMs, toMs: fireMs, count: 1, tasks: [aTask()] }],
      plan: aPlan({ nextFireMs: fireMs + 1_000, nextLookMs: fireMs + 1_000 }),
    }));
  }

  test('a filtered list pays some commands per page, not per schedule, and failing ones are found by themselves', async () => {
    await putMany(1_000);
    await bed.ask('ZADD', 'tc:{default}:failing', '0', 's1900');
    const list = (filter: ScheduleFilter) =>
      store().list({ ...filter, queues: ['default'], limit: 50, after: null });
    expect((await costOf(() => list({ owners: ['nobody'] }))).commands).toBeLessThan(30);
    expect((await costOf(() => list({ late: true }))).commands).toBeLessThan(30);
    const failing = await costOf(() => list({ failing: true }));
    expect(failing.commands).toBeLessThan(20);
    expect((await list({ failing: true })).schedules.map(({ name }) => name)).toEqual(['s1900']);
  });

  test('fires are written in scripts of a bounded size, with five commands per schedule', async () => {
    const names = await putMany(256);
    // A script is sent as a text when it runs for the first time.
    await store().fire('default', await writes([names[0]!]));
    const all = await writes(names);
    const { scripts, commands } = await costOf(() => store().fire('default', all));
    expect(scripts).toBe(8);
    expect(commands / all.length).toBeLessThan(5.5);
    expect((await store().due('default', 256)).schedules).toEqual([]);
    expect(await bed.ask('LLEN', 'asynq:{default}:pending')).toBe(257);
  });

  test('what is due is handed out by scripts of a bounded size, with two commands per schedule', async () => {
    await putMany(256);
    const { commands } = await costOf(async () => {
      expect((await store().due('default', 256)).schedules.length).toBe(64);
    });
    expect(commands).toBeLessThan(2.3 * 64);
    expect((await store().due('default', 256)).schedules.length).toBe(64);
  });
});
