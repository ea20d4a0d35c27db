import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { Client, defineTask } from '../../packages/engine/src/index.ts';
import { nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { interopBed, item, nowS } from '../support/bed.ts';
import { GO_STATES, goInAllStates, OUR_STATES, oursInAllStates } from '../support/states.ts';

const anything = {
  '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) },
} as const;
/** Go makes version 4, we make version 7 (ADR 12). */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const HOUR_MS = 3_600_000;

describe('client', () => {
  const bed = interopBed();

  item('15 a task without options has the default queue, timeout, deadline and a UUID', async () => {
    const asAsynq = new Client(bed.broker, { profile: 'asynq' });
    const { id, queue } = await asAsynq.enqueue('x');
    expect(id).toMatch(UUID);
    expect(queue).toBe('default');
    expect(await bed.message('default', id)).toMatchObject({ timeout: 1_800, deadline: 0, retry: 25 });
    expect(await bed.go().task('default', id)).toMatchObject({ timeoutMs: 1_800_000, deadlineMs: 0 });
    // Our own default is 3 retries; the profile `asynq` has Asynq's 25.
    const ours = await bed.client.enqueue('x');
    expect(await bed.message('default', ours.id)).toMatchObject({ timeout: 1_800, deadline: 0, retry: 3 });
  });

  item('16 timeout and deadline are stored as given; without both the timeout is 30 minutes', async () => {
    const queue = bed.queue();
    const deadline = new Date((nowS() + 600) * 1_000);
    const stored = async (id: string, options = {}) => {
      await bed.client.enqueue('x', null, { queue, id, ...options });
      const { timeout, deadline: endS } = await bed.message(queue, id);
      return { timeout, deadline: endS };
    };
    const endS = deadline.getTime() / 1_000;
    expect(await stored('none')).toEqual({ timeout: 1_800, deadline: 0 });
    expect(await stored('deadline', { deadline })).toEqual({ timeout: 0, deadline: endS });
    expect(await stored('timeout', { timeout: '20s' })).toEqual({ timeout: 20, deadline: 0 });
    expect(await stored('both', { deadline, timeout: '20s' })).toEqual({ timeout: 20, deadline: endS });
  });

  item(
    '17 a negative number of retries means none; options of the enqueue call win over those of the definition',
    async () => {
      const queue = bed.queue();
      const job = defineTask('x', { payload: anything, queue, maxRetries: 4 });
      await bed.client.enqueue(job, null, { id: 'defined' });
      await bed.client.enqueue(job, null, { id: 'said', maxRetries: 7 });
      expect(await bed.message(queue, 'defined')).toMatchObject({ retry: 4 });
      expect(await bed.message(queue, 'said')).toMatchObject({ retry: 7 });
      await bed.client.enqueue('x', null, { queue, id: 'ours', maxRetries: -2 });
      expect(await bed.message(queue, 'ours')).toMatchObject({ retry: 0 });
      await bed.go().enqueue({ queue, taskId: 'go', maxRetry: -2 });
      expect((await bed.broker.inspect.task({ queue, id: 'go' }))?.maxRetries).toBe(0);
    },
  );

  item('18 both: queue names are neither folded nor trimmed; blank names are refused', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('x', null, { queue: `${queue}Ab`, id: 'a' });
    expect(await bed.ask('LLEN', `asynq:{${queue}Ab}:pending`)).toBe(1);
    expect(await bed.ask('EXISTS', `asynq:{${queue}ab}:pending`)).toBe(0);
    const size = await bed.ask('DBSIZE');
    for (const blank of ['', ' ', '\t\n', '\u3000']) {
      const call = bed.client.enqueue('x', null, { queue: blank });
      await expect(call).rejects.toMatchObject({ code: 'invalid-value' });
    }
    expect(await bed.ask('DBSIZE')).toBe(size);
    const blanks = ` ${queue} `;
    await bed.go().enqueue({ queue: blanks, taskId: 'a' });
    await bed.client.enqueue('x', null, { queue: blanks, id: 'b' });
    expect(await bed.ask('LLEN', `asynq:{${blanks}}:pending`)).toBe(2);
    expect(await bed.broker.inspect.task({ queue: blanks, id: 'a' })).toMatchObject({ state: 'pending' });
  });

  item('19 blank types, IDs and groups and short unique times are refused before any command', async () => {
    const queue = bed.queue();
    const size = await bed.ask('DBSIZE');
    for (const blank of ['', ' ', '\u2003']) {
      const type = bed.client.enqueue(blank, null, { queue });
      await expect(type).rejects.toMatchObject({ code: 'invalid-value' });
      const id = bed.client.enqueue('x', null, { queue, id: blank });
      await expect(id).rejects.toMatchObject({ code: 'invalid-value' });
      const group = bed.client.enqueue('x', null, { queue, group: blank });
      await expect(group).rejects.toMatchObject({ code: 'invalid-value' });
    }
    const unique = bed.client.enqueue('x', null, { queue, unique: '999ms' });
    await expect(unique).rejects.toMatchObject({ code: 'invalid-value' });
    expect(await bed.ask('DBSIZE')).toBe(size);
    expect(await bed.ask('SISMEMBER', 'asynq:queues', queue)).toBe(0);
  });

  item('20 a queue is listed from its first task on, whether pending, scheduled or in a group', async () => {
    const [pending, scheduled, grouped] = [bed.queue(), bed.queue(), bed.queue()];
    await bed.client.enqueue('x', null, { queue: pending });
    await bed.client.enqueue('x', null, { queue: scheduled, delay: '1h' });
    await bed.client.enqueue('x', null, { queue: grouped, group: 'g' });
    expect(await bed.go().inspect('queues')).toEqual(expect.arrayContaining([pending, scheduled, grouped]));
  });

  const hashOf = (queue: string, id: string) => bed.ask('HGETALL', `asynq:{${queue}}:t:${id}`);

  item('21 Go → us: we refuse an ID that Go uses in any state, and its task is unchanged', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await goInAllStates(go, queue);
    for (const state of GO_STATES) {
      expect((await go.task(queue, state)).state).toBe(state);
      const before = await hashOf(queue, state);
      const call = bed.client.enqueue('other', 'other', { queue, id: state });
      await expect(call).rejects.toMatchObject({ code: 'task-exists' });
      expect(await hashOf(queue, state)).toEqual(before);
    }
  });

  item('21 us → Go: Go refuses an ID that we use in any state, and its task is unchanged', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await oursInAllStates(bed, queue);
    for (const id of OUR_STATES) {
      expect((await go.task(queue, id)).state).toBe(id === 'cancelled' ? 'completed' : id);
      const before = await hashOf(queue, id);
      const call = go.enqueue({ type: 'other', queue, taskId: id });
      await expect(call).rejects.toThrow('task ID conflicts with another task');
      expect(await hashOf(queue, id)).toEqual(before);
    }
  });

  item('22 a start time in the past means now; a later one becomes the score, and Go shows it', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const enqueue = (id: string, options: object) => bed.client.enqueue('x', null, { queue, id, ...options });
    expect(await enqueue('past', { runAt: new Date(Date.now() - 5_000) })).toMatchObject({
      state: 'pending',
    });
    expect(await enqueue('zero', { delay: '0s' })).toMatchObject({ state: 'pending' });
    const { dueAt, state } = await enqueue('later', { delay: '1h' });
    expect(state).toBe('scheduled');
    expect(await bed.score(queue, 'scheduled', 'later')).toBe(Math.ceil(dueAt.getTime() / 1_000));
    const shown = await go.task(queue, 'later');
    expect(shown.nextProcessAtMs - dueAt.getTime()).toBeGreaterThanOrEqual(0);
    expect(shown.nextProcessAtMs - dueAt.getTime()).toBeLessThan(1_000);
    const whole = new Date((nowS() + 600) * 1_000);
    await enqueue('whole', { runAt: whole });
    expect(await bed.score(queue, 'scheduled', 'whole')).toBe(whole.getTime() / 1_000);
  });

  item(
    '22 Go → us: why a start time is rounded up: truncated, as Go does it, a task runs early',
    async () => {
      const queue = bed.queue();
      const go = bed.go();
      await go.serve({ queues: { [queue]: 1 } });
      // On a busy machine Go may check too late to be early: try again then.
      for (let earlyMs = 0, n = 0; earlyMs <= 0; n += 1) {
        const processAtMs = (nowS() + 2) * 1_000 + 950;
        await go.enqueue({ queue, taskId: `t${n}`, processAtMs });
        expect(await bed.score(queue, 'scheduled', `t${n}`)).toBe((processAtMs - 950) / 1_000);
        await go.saw('started', `t${n}`);
        earlyMs = processAtMs - Date.now();
      }
    },
  );

  const ttl = async (key: string) => Number(await bed.ask('TTL', key));

  item('23 a unique lock lasts for its duration, of a delayed task from its start time on', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('now', { n: 1 }, { queue, unique: '10m' });
    await bed.client.enqueue('later', { n: 1 }, { queue, unique: '10m', delay: '1h' });
    const now = await ttl(`asynq:{${queue}}:unique:now:${md5('{"n":1}')}`);
    expect(now).toBeGreaterThanOrEqual(598);
    expect(now).toBeLessThanOrEqual(600);
    const later = await ttl(`asynq:{${queue}}:unique:later:${md5('{"n":1}')}`);
    expect(later).toBeGreaterThanOrEqual(4_197);
    expect(later).toBeLessThanOrEqual(4_200);
  });

  item('24 the task hash names its unique lock, and the lock contains the ID', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('x', 'p', { queue, id: 'a', unique: '10m' });
    await bed.client.enqueue('x', 'q', { queue, id: 'b', unique: '10m', group: 'g' });
    for (const [id, payload] of [
      ['a', '"p"'],
      ['b', '"q"'],
    ] as const) {
      const lock = `asynq:{${queue}}:unique:x:${md5(payload)}`;
      expect(String(await bed.field(queue, id, 'unique_key'))).toBe(lock);
      expect(await bed.ask('GET', lock)).toBe(id);
    }
  });

  item('25 a task with a group waits in its group; with a later start it is scheduled', async () => {
    const queue = bed.queue();
    const fromS = nowS();
    const stored = await bed.client.enqueue('x', null, { queue, id: 'a', group: 'G 1' });
    expect(stored.state).toBe('aggregating');
    expect(String(await bed.field(queue, 'a', 'state'))).toBe('aggregating');
    expect(String(await bed.field(queue, 'a', 'group'))).toBe('G 1');
    const score = await bed.score(queue, 'g:G 1', 'a');
    expect(score).toBeGreaterThanOrEqual(fromS);
    expect(score).toBeLessThanOrEqual(nowS());
    expect(await bed.ask('SMEMBERS', `asynq:{${queue}}:groups`)).toEqual(['G 1']);
    expect(await bed.go().task(queue, 'a')).toMatchObject({ state: 'aggregating', group: 'G 1' });
    await bed.client.enqueue('x', null, { queue, id: 'b', group: 'G 1', delay: '1h' });
    expect(await bed.go().task(queue, 'b')).toMatchObject({ state: 'scheduled', group: 'G 1' });
  });

  async function mixed(queue: string): Promise<string[]> {
    const go = bed.go();
    const ids = Array.from({ length: 20 }, (_, i) => `task-${i}`);
    for (const [i, id] of ids.entries()) {
      if (i % 2 === 0) await go.enqueue({ queue, taskId: id });
      else await bed.client.enqueue('x', null, { queue, id });
    }
    return ids;
  }

  item('26 Go → us: we take tasks of both sides in the order in which they were enqueued', async () => {
    const queue = bed.queue();
    const ids = await mixed(queue);
    const { worker, events } = bed.worker({ queues: [queue], concurrency: 1 });
    worker.handle('x', () => {});
    const ends = nextEvents(events, 'attempt.finished', ids.length);
    await worker.start();
    expect((await ends).map(({ task }) => task.id)).toEqual(ids);
  });

  item('26 us → Go: Go takes tasks of both sides in the order in which they were enqueued', async () => {
    const queue = bed.queue();
    const ids = await mixed(queue);
    const go = bed.go();
    await go.serve({ queues: { [queue]: 1 }, concurrency: 1 });
    expect((await go.sawMany('started', ids.length)).map(({ task }) => task)).toEqual(ids);
  });

  item('27 us → Go: a batch is stored in order, without the task whose ID is taken', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.enqueue({ type: 'old', queue, taskId: 'b' });
    const tasks = [
      { task: 'x', queue, id: 'a' },
      { task: 'x', queue, id: 'b' },
      { task: 'x', queue, id: 'later', delay: '1h' },
      { task: 'x', queue, id: 'c' },
      { task: '', queue, id: 'd' },
    ] as const;
    const outcomes = await bed.client.enqueueMany(tasks, { outcomes: true });
    expect(outcomes.map((outcome) => ('task' in outcome ? outcome.task.state : outcome.error.code))).toEqual([
      'pending',
      'task-exists',
      'scheduled',
      'pending',
      'invalid-value',
    ]);
    expect((await go.list(queue, 'pending')).map(({ id }) => id)).toEqual(['b', 'a', 'c']);
    await expect(bed.client.enqueueMany(tasks)).rejects.toMatchObject({
      code: 'some-not-stored',
      details: { stored: [], failed: { length: 5 }, unknown: [] },
    });
    expect((await go.list(queue, 'scheduled')).map(({ id }) => id)).toEqual(['later']);
    expect((await go.task(queue, 'b')).type).toBe('old');
  });

  item('28 us → Go: Go shows our task as it was given', async () => {
    const queue = bed.queue();
    const deadline = new Date((nowS() + 900) * 1_000);
    await bed.client.enqueue(
      'mail:send',
      { to: 'ä' },
      {
        queue,
        id: 'a',
        headers: { h: 'v' },
        maxRetries: 9,
        timeout: '45s',
        deadline,
        retention: '2h',
        group: 'G 1',
        context: { userId: 'u1' },
      },
    );
    expect(await bed.go().task(queue, 'a')).toMatchObject({
      id: 'a',
      type: 'mail:send',
      payload: Buffer.from('{"to":"ä"}'),
      headers: { h: 'v', 'tc-user-id': 'u1' },
      state: 'aggregating',
      maxRetry: 9,
      retried: 0,
      timeoutMs: 45_000,
      deadlineMs: deadline.getTime(),
      retentionMs: 2 * HOUR_MS,
      group: 'G 1',
      lastErr: '',
    });
  });

  item('29 durations are stored in whole seconds', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('x', null, { queue, id: 'a', retention: '24h', timeout: '1900ms' });
    expect(await bed.message(queue, 'a')).toMatchObject({ retention: 86_400, timeout: 1 });
  });
});
