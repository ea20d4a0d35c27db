import { describe, expect } from 'vitest';
import { FIELD } from '../../packages/engine/src/protocol/message.ts';
import { uniqueKey } from '../../packages/engine/src/protocol/keys.ts';
import type { Finish } from '../../packages/engine/src/index.ts';
import { nextEvent, nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';

/** The field numbers of a message in their order, and how many fields are set to their default. */
function fieldsOf(bytes: Buffer): { numbers: number[]; defaults: number } {
  const numbers: number[] = [];
  let defaults = 0;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const value = varint();
    if (value === 0) defaults += 1;
    if (tag % 8 === 2) at += value;
    numbers.push(Math.floor(tag / 8));
  }
  return { numbers, defaults };
}

const HOUR_MS = 3_600_000;

describe('keys', () => {
  const bed = interopBed();

  item(
    '1 enqueueing writes only three keys of Asynq: the set of queues, the task and the pending list',
    async () => {
      const queue = bed.queue();
      const before = new Set((await bed.ask('KEYS', '*')) as string[]);
      await bed.client.enqueue('x', { n: 1 }, { queue, id: 'a' });
      const added = ((await bed.ask('KEYS', '*')) as string[]).filter((key) => !before.has(key));
      const asynq = added.filter((key) => !key.startsWith('tc:') && key !== 'asynq:queues');
      expect(asynq.sort()).toEqual([`asynq:{${queue}}:pending`, `asynq:{${queue}}:t:a`]);
      expect(await bed.ask('SISMEMBER', 'asynq:queues', queue)).toBe(1);
    },
  );

  item('5 the fields of our messages are in ascending order, and defaults are left out', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('x', undefined, { queue, id: 'a', maxRetries: 0, deadline: new Date(1) });
    await bed.client.enqueue('x', 'p', { queue, id: 'b', retention: '1h', headers: { a: 'b' } });
    for (const id of ['a', 'b']) {
      const { numbers, defaults } = fieldsOf((await bed.field(queue, id, 'msg')) ?? Buffer.alloc(0));
      expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
      expect(defaults).toBe(0);
    }
    const { numbers } = fieldsOf((await bed.field(queue, 'b', 'msg')) ?? Buffer.alloc(0));
    expect(numbers).toEqual([
      FIELD.type,
      FIELD.payload,
      FIELD.id,
      FIELD.queue,
      FIELD.retry,
      FIELD.timeout,
      FIELD.retention,
      FIELD.headers,
    ]);
  });

  item('7 our unique keys equal those of Go: payloads nil, empty and foo', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const ends = {
      nil: '',
      empty: 'd41d8cd98f00b204e9800998ecf8427e',
      foo: 'acbd18db4cc2f85cedef654fccc4a4d8',
    };
    const payloads = { nil: undefined, empty: '', foo: 'foo' };
    for (const name of ['nil', 'empty', 'foo'] as const) {
      const payload = payloads[name];
      const task = { type: `t:${name}`, queue, taskId: name, uniqueMs: 60_000 };
      await go.enqueue(payload === undefined ? task : { ...task, payload });
      const expected = `asynq:{${queue}}:unique:t:${name}:${ends[name]}`;
      expect(String(await bed.field(queue, name, 'unique_key'))).toBe(expected);
      const bytes = payload === undefined ? null : Buffer.from(payload);
      expect(uniqueKey({ queue, type: `t:${name}`, payload: bytes })).toBe(expected);
    }
  });

  item(
    '9 both: the counters of the UTC day are shared, and expire 90 days after the first task',
    async () => {
      const queue = bed.queue();
      const day = new Date().toISOString().slice(0, 10);
      const key = `asynq:{${queue}}:processed:${day}`;
      const { worker, events } = bed.worker({ queues: [queue] });
      worker.handle('x', () => {});
      const first = nextEvent(events, 'attempt.finished');
      await worker.start();
      await bed.client.enqueue('x', null, { queue });
      await first;
      const endS = (await bed.ask('EXPIRETIME', key)) as number;
      expect(endS - nowS()).toBeGreaterThan(89 * 86_400);
      expect(endS - nowS()).toBeLessThanOrEqual(90 * 86_400);
      // As if the first task had ended a while ago: neither side may extend the expiry.
      await bed.ask('EXPIREAT', key, endS - 100);
      const second = nextEvent(events, 'attempt.finished');
      await bed.client.enqueue('x', null, { queue });
      await second;
      await worker.stop();
      const go = bed.go();
      await go.enqueue({ queue, taskId: 'a' });
      await go.serve({ queues: { [queue]: 1 } });
      await until(async () => (await bed.ask('GET', key)) === '3');
      expect(await bed.ask('EXPIRETIME', key)).toBe(endS - 100);
      expect(await go.inspect('info', { queue })).toMatchObject({
        Processed: 3,
        ProcessedTotal: 3,
        Failed: 0,
      });
    },
  );

  item('10 the scores of our tasks are whole seconds, pending_since has 19 digits', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('ok', () => {});
    worker.handle('bad', () => Promise.reject(new Error('no')));
    const ends = nextEvents(events, 'attempt.finished', 3);
    await worker.start();
    const enqueue = (type: string, id: string, options = {}) =>
      bed.client.enqueue(type, null, { queue, id, ...options });
    await enqueue('ok', 'completed', { retention: '90500ms' });
    await enqueue('bad', 'retry', { backoff: { kind: 'fixed', delay: 99_123, jitter: 0 } });
    await enqueue('bad', 'archived', { maxRetries: 0 });
    await enqueue('ok', 'scheduled', { delay: '7654ms' });
    await ends;
    for (const set of ['completed', 'retry', 'archived', 'scheduled']) {
      expect(String(await bed.ask('ZSCORE', `asynq:{${queue}}:${set}`, set))).toMatch(/^\d{10}$/);
    }
    await worker.stop();
    await enqueue('ok', 'pending');
    expect(String(await bed.field(queue, 'pending', 'pending_since'))).toMatch(/^\d{19}$/);
  });

  item('10 why leases have a fraction: in whole seconds two attempts would look the same', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('x', null, { queue, id: 'a' });
    const take = async () => {
      const exchange = { finishes: [], queues: [queue], room: 1, leaseMs: 60_000, worker: 'w' };
      const [task] = (await bed.broker.consume.exchange(exchange)).tasks;
      if (!task) throw new Error('no task was there to take');
      return { task, score: String(await bed.ask('ZSCORE', `asynq:{${queue}}:lease`, 'a')) };
    };
    const end = async (finish: Finish) =>
      (
        await bed.broker.consume.exchange({
          finishes: [finish],
          queues: [],
          room: 0,
          leaseMs: 1,
          worker: 'w',
        })
      ).finished;
    const succeeded = ({ task }: Awaited<ReturnType<typeof take>>): Finish => ({
      task,
      outcome: 'succeeded',
      result: null,
      record: { number: 1, startedMs: 0, finishedMs: 0, outcome: 'succeeded' },
    });
    const seconds = (score: string) => score.replace(/\..*/, '');
    let first = await take();
    await end({ task: first.task, outcome: 'requeue' });
    let second = await take();
    // Usually both attempts begin within one second. If not, try again.
    while (seconds(first.score) !== seconds(second.score)) {
      await end({ task: second.task, outcome: 'requeue' });
      first = second;
      second = await take();
    }
    expect(first.score).not.toBe(second.score);
    expect(await end(succeeded(first))).toEqual(['lease-lost']);
    expect(await end(succeeded(second))).toEqual(['accepted']);
  });

  const unusual = { queue: 'Größe: Zwei', type: 'Typ: Ä/b C' };

  const DIFFERENCES = [
    ['queue', { queue: 'another' }],
    ['type', { type: 'another' }],
    ['payload', { payload: '"another"' }],
  ] as const;

  item(
    '8 us → Go: our unique task is a duplicate for Go; another queue, type or payload is not',
    async () => {
      const queue = bed.queue();
      const go = bed.go();
      await bed.client.enqueue('x', 'p', { queue, unique: '1h' });
      const same = { queue, type: 'x', payload: '"p"', uniqueMs: HOUR_MS };
      await expect(go.enqueue(same)).rejects.toThrow('task already exists');
      for (const [, other] of DIFFERENCES) {
        const task = { ...same, ...other };
        const targetQueue = 'queue' in other ? `${queue}-${other.queue}` : queue;
        expect(await go.enqueue({ ...task, queue: targetQueue })).toMatchObject({ state: 'pending' });
      }
    },
  );

  item(
    '8 Go → us: a unique task of Go is a duplicate for us; another queue, type or payload is not',
    async () => {
      const queue = bed.queue();
      const held = await bed.go().enqueue({ queue, type: 'x', payload: '"p"', uniqueMs: HOUR_MS });
      const same = { type: 'x', payload: 'p', queue, unique: '1h' } as const;
      const enqueue = ({ type, payload, ...options }: { type: string; payload: unknown; queue: string }) =>
        bed.client.enqueue(type, payload, { ...options, unique: '1h' });
      await expect(enqueue(same)).rejects.toMatchObject({
        code: 'duplicate-task',
        details: { holder: held.id },
      });
      for (const other of [{ queue: `${queue}-another` }, { type: 'another' }, { payload: 'another' }]) {
        expect(await enqueue({ ...same, ...other })).toMatchObject({ state: 'pending' });
      }
    },
  );

  item(
    '11 us → Go: names with blanks, colons, capitals and non-ASCII letters are kept byte for byte',
    async () => {
      const id = ' ID: mit Ä {x} ';
      const group = ' G:1 Ä ';
      await bed.client.enqueue(unusual.type, null, { queue: unusual.queue, id });
      expect(await bed.ask('EXISTS', `asynq:{${unusual.queue}}:t:${id}`)).toBe(1);
      await bed.client.enqueue(unusual.type, null, { queue: unusual.queue, id: 'grouped', group });
      expect(await bed.score(unusual.queue, `g:${group}`, 'grouped')).not.toBeNull();
      const go = bed.go();
      expect(await go.inspect('queues')).toContain(unusual.queue);
      expect(await go.task(unusual.queue, 'grouped')).toMatchObject({ state: 'aggregating', group });
      await go.serve({ queues: { [unusual.queue]: 1 } });
      expect(await go.saw('started', id)).toMatchObject(unusual);
    },
  );

  item(
    '11 Go → us: names with blanks, colons, capitals and non-ASCII letters are kept byte for byte',
    async () => {
      const queue = `${unusual.queue} 2`;
      const taskId = ' ID: mit Ä {x} ';
      const { worker, events } = bed.worker({ queues: [queue] });
      const end = nextEvent(events, 'attempt.finished');
      const seen = new Promise((resolve) =>
        worker.handle(unusual.type, (task) => resolve([task.id, task.queue, task.type])),
      );
      await worker.start();
      await bed.go().enqueue({ queue, type: unusual.type, taskId, retentionMs: 60_000 });
      expect(await seen).toEqual([taskId, queue, unusual.type]);
      await end;
      expect(await bed.score(queue, 'completed', taskId)).not.toBeNull();
    },
  );
});
