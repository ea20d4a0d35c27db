import { describe, expect } from 'vitest';
import type { AggregationOptions } from '../../packages/engine/src/index.ts';
import { nextEvent } from '../../packages/engine/test/support/next-event.ts';
import { startProgram } from '../../packages/engine/test/support/program.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';

const RULES = { graceMs: 10_000, maxDelayMs: 0, maxSize: 0 };
const NOW = { ...RULES, graceMs: 0 };
const PROGRAMS = new URL('../../packages/engine/test/faults/', import.meta.url).href;

/** Aggregates by joining the payloads with commas, as the Go peer does. */
const joinPayloads = (type: string): AggregationOptions => ({
  gracePeriod: '1s',
  aggregate: ({ tasks }) => ({
    task: type,
    payload: Buffer.from(tasks.map(({ payload }) => Buffer.from(payload ?? []).toString()).join(',')),
    queue: 'elsewhere',
  }),
});

describe('groups', () => {
  const bed = interopBed();
  const keys = (queue: string) => ({
    group: `asynq:{${queue}}:g:team: ä`,
    groups: `asynq:{${queue}}:groups`,
    sets: `asynq:{${queue}}:aggregation_sets`,
    pending: `asynq:{${queue}}:pending`,
  });
  const join = async (queue: string, ...ids: readonly string[]) => {
    const go = bed.go();
    for (const taskId of ids) await go.enqueue({ queue, taskId, group: 'team: ä', payload: taskId });
    return go;
  };
  const age = (queue: string, seconds: number, ...ids: readonly string[]) =>
    bed.ask('ZADD', keys(queue).group, 'XX', ...ids.flatMap((id) => [nowS() - seconds, id]));
  const take = async (queue: string, rules: Partial<typeof RULES> = {}) =>
    (await bed.broker.groups.take(queue, { ...RULES, ...rules }, 3, null)).sets;
  const takeOne = async (queue: string, rules: Partial<typeof RULES>) => {
    const [set] = await take(queue, rules);
    if (!set) throw new Error('no group was ripe');
    return set;
  };

  item(
    '72 Go → us: a group is aggregated by the age of its newest and of its oldest task, and by its size',
    async () => {
      const queue = bed.queue();
      await join(queue, 'a', 'b', 'c');
      await age(queue, 9, 'a');
      expect(await take(queue, { maxDelayMs: 11_000, maxSize: 4 })).toEqual([]);
      expect(await bed.ask('ZCARD', keys(queue).group)).toBe(3);
      await age(queue, 11, 'a');
      expect(await take(queue, { maxDelayMs: 11_000 })).toMatchObject([{ group: 'team: ä', size: 3 }]);

      const second = bed.queue();
      await join(second, 'a', 'b', 'c');
      await age(second, 10, 'a', 'b', 'c');
      expect(await take(second)).toMatchObject([{ size: 3 }]);

      const third = bed.queue();
      await join(third, 'a', 'b', 'c');
      await age(third, 3, 'c');
      await age(third, 2, 'a');
      const set = await takeOne(third, { maxSize: 2 });
      const content = await bed.broker.groups.read(set);
      expect(content?.tasks.map(({ id }) => id)).toEqual(['c', 'a']);
      expect(await bed.ask('ZRANGE', keys(third).group, 0, -1)).toEqual(['b']);
      expect(await bed.ask('SMEMBERS', keys(third).groups)).toEqual(['team: ä']);
    },
  );

  item(
    '73 Go → us: an empty group is removed with its name; the aggregation set has its scores and a deadline',
    async () => {
      const queue = bed.queue();
      await join(queue, 'a', 'b');
      await age(queue, 7, 'a');
      const before = await bed.ask('ZRANGE', keys(queue).group, 0, -1, 'WITHSCORES');
      const set = await takeOne(queue, NOW);
      expect(await bed.ask('EXISTS', keys(queue).group, keys(queue).groups)).toBe(0);
      const key = `${keys(queue).group}:${set.id}`;
      expect(await bed.ask('ZRANGE', key, 0, -1, 'WITHSCORES')).toEqual(before);
      const deadline = Number(await bed.ask('ZSCORE', keys(queue).sets, key));
      expect(Math.abs(deadline - nowS() - 120)).toBeLessThanOrEqual(1);
      expect(String(await bed.field(queue, 'a', 'state'))).toBe('aggregating');
    },
  );

  item(
    '74 the aggregated task is stored in the queue of its members, and the members are deleted',
    async () => {
      const queue = bed.queue();
      const go = await join(queue, 'a', 'b');
      await age(queue, 7, 'a');
      const { worker, events } = bed.worker({ queues: [queue], aggregation: joinPayloads('digest') });
      worker.handle('other', () => {}).stopTaking();
      const aggregated = nextEvent(events, 'group.aggregated');
      await worker.start();
      worker.stopTaking();
      const { id, tasks } = await aggregated;
      expect(tasks).toBe(2);
      await until(async () => (await bed.ask('EXISTS', keys(queue).sets)) === 0);
      const [state] = [(await go.task(queue, id)).state];
      expect(['pending', 'active', 'retry']).toContain(state);
      expect(await go.task(queue, id)).toMatchObject({ queue, type: 'digest', group: '' });
      expect(String((await go.task(queue, id)).payload)).toBe('a,b');
      const left = (await bed.ask('KEYS', `asynq:{${queue}}:*`)) as string[];
      expect(
        left.filter((key) => key.includes(':g:') || key.includes('groups') || key.includes('sets')),
      ).toEqual([]);
      expect(await bed.ask('EXISTS', `asynq:{${queue}}:t:a`, `asynq:{${queue}}:t:b`)).toBe(0);
    },
  );

  item('75 us → Go: Go puts back the set of a worker of ours that was killed', async () => {
    const queue = bed.queue();
    await join(queue, 'a', 'b');
    await age(queue, 7, 'a', 'b');
    const victim = startProgram(PROGRAMS, 'aggregator.mjs', bed.redis.url, queue);
    await victim.waitForLine((line) => line === 'aggregating 2');
    victim.signal('SIGKILL');
    await victim.ended;
    const [key] = (await bed.ask('ZRANGE', keys(queue).sets, 0, -1)) as [string];
    await bed.ask('ZADD', keys(queue).sets, nowS() - 1, key);
    const go = bed.go();
    await go.serve({ queues: { [queue]: 1 } });
    await until(async () => (await bed.ask('ZCARD', keys(queue).group)) === 2);
    await go.stop();
    // Go does not list the group again; our sweep does. See docs/design/protocol.md#known-defects.
    expect(await bed.ask('EXISTS', keys(queue).groups)).toBe(0);
    for (let listed = 0; listed === 0;) {
      await bed.ask('HDEL', `tc:{${queue}}:scan`, 'swept', 'repaired');
      const [repaired] = await bed.broker.maintain.repair([{ queue, limit: 256 }]);
      listed = repaired?.groups ?? 0;
    }
    expect(await take(queue, NOW)).toMatchObject([{ group: 'team: ä', size: 2 }]);
  });

  item(
    '75 Go → us: we put back the set that Go left, with its times, and the group is listed again',
    async () => {
      const queue = bed.queue();
      const go = await join(queue, 'a', 'b');
      await age(queue, 7, 'a', 'b');
      const scores = await bed.ask('ZRANGE', keys(queue).group, 0, -1, 'WITHSCORES');
      const set = `${keys(queue).group}:2b1f6b8e-0000-4000-8000-000000000000`;
      await bed.ask('RENAME', keys(queue).group, set);
      await bed.ask('DEL', keys(queue).groups);
      await bed.ask('ZADD', keys(queue).sets, nowS() + 100, set);
      const steps = [{ queue, limit: 256 }];
      expect(await bed.broker.groups.reclaim(steps)).toEqual([0]);
      await bed.ask('ZADD', keys(queue).sets, nowS() - 1, set);
      expect(await bed.broker.groups.reclaim(steps)).toEqual([2]);
      expect(await bed.ask('ZRANGE', keys(queue).group, 0, -1, 'WITHSCORES')).toEqual(scores);
      expect(await bed.ask('SMEMBERS', keys(queue).groups)).toEqual(['team: ä']);
      expect(await bed.ask('EXISTS', set, keys(queue).sets)).toBe(0);
      expect(await go.task(queue, 'a')).toMatchObject({ state: 'aggregating' });
    },
  );

  item('76 us → Go: Go aggregates tasks that we grouped', async () => {
    const queue = bed.queue();
    const ids = ['a', 'b', 'c'];
    for (const id of ids) await bed.client.enqueue('x', Buffer.from(id), { queue, id, group: 'team: ä' });
    await age(queue, 7, ...ids);
    const go = bed.go();
    await go.serve({
      queues: { [queue]: 1 },
      groups: { graceMs: 1_000, type: 'digest', queue: 'elsewhere' },
    });
    await go.saw('aggregated', 'team: ä');
    const [started] = await go.sawMany('started', 1);
    expect(started).toMatchObject({ type: 'digest', queue });
    expect(String(started?.payload)).toBe('a,b,c');
    await until(async () => (await bed.ask('EXISTS', `asynq:{${queue}}:t:a`)) === 0);
  });

  item('76 Go → us: we aggregate tasks that Go grouped', async () => {
    const queue = bed.queue();
    await join(queue, 'a', 'b', 'c');
    await age(queue, 7, 'a', 'b', 'c');
    const { worker } = bed.worker({ queues: [queue], aggregation: joinPayloads('digest') });
    const seen = new Promise<string>((resolve) =>
      worker.handle('digest', ({ payloadBytes }) => resolve(Buffer.from(payloadBytes ?? []).toString())),
    );
    await worker.start();
    expect(await seen).toBe('a,b,c');
  });

  item(
    '77 Go → us: a worker without an aggregator leaves groups alone, but puts stale sets back',
    async () => {
      const queue = bed.queue();
      await join(queue, 'a', 'b');
      await age(queue, 700, 'a');
      await bed.ask('ZREM', keys(queue).group, 'b');
      const set = `${keys(queue).group}:2b1f6b8e-0000-4000-8000-000000000000`;
      await bed.ask('ZADD', set, nowS() - 600, 'b');
      await bed.ask('ZADD', keys(queue).sets, nowS() - 1, set);
      const { worker } = bed.worker({ queues: [queue] });
      await worker.handle('*', () => {}).start();
      await until(async () => (await bed.ask('ZCARD', keys(queue).group)) === 2);
      expect(await bed.ask('EXISTS', keys(queue).sets, keys(queue).pending)).toBe(0);
    },
  );
});
