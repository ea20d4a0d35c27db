import { describe, expect } from 'vitest';
import { NEVER } from '../../packages/engine/src/protocol/go-time.ts';
import { decodeMessage, encodeMessage } from '../../packages/engine/src/protocol/message.ts';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  encodeSchedulerEnqueueEvent,
  encodeSchedulerEntry,
} from '../../packages/engine/src/protocol/scheduler-entry.ts';
import { decodeServerInfo, encodeServerInfo } from '../../packages/engine/src/protocol/server-info.ts';
import { uniqueKey } from '../../packages/engine/src/protocol/keys.ts';
import { nextEvent } from '../../packages/engine/test/support/next-event.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('encodings', () => {
  const bed = interopBed();

  item('2 known messages encode to exactly the known bytes, and decode back', () => {
    const small = { type: 'x', id: '1', queue: 'q', retry: -1, timeout: -1 };
    const bytes = hex('0a01781a013122017128ffffffffffffffffff0140ffffffffffffffffff01');
    expect(encodeMessage(small).equals(bytes)).toBe(true);
    expect(decodeMessage(bytes).message).toMatchObject(small);
    const first = {
      type: 'email:send',
      payload: Buffer.from('{"id":1}'),
      id: 'c0ffee00-0000-4000-8000-000000000001',
      queue: 'default',
      retry: 25,
      timeout: 1_800,
    };
    const firstBytes =
      '0a0a656d61696c3a73656e6412087b226964223a317d1a2463306666656530302d303030302d343030302d383030302d303030303030303030303031220764656661756c74281940880e';
    expect(encodeMessage(first).toString('hex')).toBe(firstBytes);
    expect(decodeMessage(hex(firstBytes)).message).toMatchObject(first);
    const full = {
      type: 'email:send',
      id: 'my-id',
      queue: 'low',
      retried: 1,
      errorMsg: 'boom',
      timeout: 20,
      deadline: 1700000000,
      uniqueKey: 'asynq:{low}:unique:email:send:',
      lastFailedAt: 1700000100,
      retention: 3600,
      completedAt: 1700000200,
      groupKey: 'g1',
      headers: { k: 'v' },
    };
    const known =
      '0a0a656d61696c3a73656e641a056d792d696422036c6f7730013a04626f6f6d40144880e2cfaa06521e6173796e713a7b6c6f777d3a756e697175653a656d61696c3a73656e643a58e4e2cfaa0660901c68c8e3cfaa06720267317a060a016b120176';
    expect(encodeMessage(full).toString('hex')).toBe(known);
    expect(decodeMessage(hex(known)).message).toMatchObject(full);
    const server = {
      host: 'h1',
      pid: 42,
      serverId: 'sid',
      concurrency: 10,
      queues: { default: 1 },
      strictPriority: false,
      status: 'active',
      startTime: { seconds: 1_700_000_000, nanos: 5 },
      activeWorkerCount: 0,
    };
    const serverBytes =
      '0a026831102a1a03736964200a2a0b0a0764656661756c7410013a0661637469766542080880e2cfaa061005';
    expect(encodeServerInfo(server).toString('hex')).toBe(serverBytes);
    expect(decodeServerInfo(hex(serverBytes))).toEqual(server);
    const fired = { taskId: 'tid', enqueueTime: { seconds: 1_700_000_000, nanos: 0 } };
    expect(encodeSchedulerEnqueueEvent(fired).toString('hex')).toBe('0a0374696412060880e2cfaa06');
    expect(decodeSchedulerEnqueueEvent(hex('0a0374696412060880e2cfaa06'))).toEqual(fired);
  });

  item('3 us → Go: Go reads all fifteen fields of our message', async () => {
    const queue = bed.queue();
    const lock = `asynq:{${queue}}:unique:full:`;
    const message = {
      type: 'full',
      payload: Buffer.from('{"a":1}'),
      id: 'a',
      queue,
      retry: 7,
      retried: 2,
      errorMsg: 'it broke',
      timeout: 90,
      deadline: nowS() + 5_000,
      uniqueKey: lock,
      lastFailedAt: 1_700_000_100,
      retention: 3_600,
      completedAt: 1_700_000_200,
      groupKey: 'team:ä',
      headers: { k: 'v', 'tc-business-id': 'b1' },
    };
    await bed.put(message, encodeMessage(message), 'pending');
    await bed.ask('LPUSH', `asynq:{${queue}}:pending`, 'a');
    await bed.ask('SET', lock, 'a');
    const go = bed.go();
    expect(await go.task(queue, 'a')).toMatchObject({
      id: 'a',
      queue,
      type: 'full',
      payload: message.payload,
      headers: message.headers,
      maxRetry: 7,
      retried: 2,
      lastErr: 'it broke',
      lastFailedAtMs: 1_700_000_100_000,
      timeoutMs: 90_000,
      deadlineMs: message.deadline * 1_000,
      retentionMs: 3_600_000,
      completedAtMs: 1_700_000_200_000,
      group: 'team:ä',
    });
    // The unique key is not shown; that Go gives the lock back proves that it read it.
    await go.serve({ queues: { [queue]: 1 } });
    await go.saw('ended', 'a');
    await until(async () => (await bed.ask('EXISTS', lock)) === 0);
  });

  item('3 Go → us: we read all fifteen fields of a message of Go', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const payload = Buffer.from('{"a":1}');
    const deadlineMs = (nowS() + 5_000) * 1_000;
    await go.enqueue({
      type: 'full',
      payload,
      queue,
      taskId: 'a',
      headers: { k: 'v', l: 'w' },
      maxRetry: 7,
      timeoutMs: 90_000,
      deadlineMs,
      uniqueMs: 600_000,
      processInMs: 3_600_000,
      retentionMs: 3_600_000,
      group: 'team:ä',
    });
    await go.inspect('run', { queue, task: 'a' });
    const behaviours = { full: { failTimes: 1, text: 'it broke' } };
    await go.serve({ queues: { [queue]: 1 }, behaviours, retryDelayMs: 0 });
    await until(async () => (await go.task(queue, 'a')).state === 'completed');
    const message = await bed.message(queue, 'a');
    expect(message).toEqual({
      type: 'full',
      payload,
      id: 'a',
      queue,
      retry: 7,
      retried: 1,
      errorMsg: 'it broke',
      timeout: 90,
      deadline: deadlineMs / 1_000,
      uniqueKey: uniqueKey({ queue, type: 'full', payload }),
      lastFailedAt: expect.closeTo(nowS(), -1) as number,
      retention: 3_600,
      completedAt: expect.closeTo(nowS(), -1) as number,
      groupKey: 'team:ä',
      headers: { k: 'v', l: 'w' },
    });
  });

  const headers = { '': 'no name', empty: '', ключ: '値', __proto__x: 'y', plain: 'v' };

  item('4 us → Go: headers survive, with empty names and values, too', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await bed.client.enqueue('x', null, { queue, id: 'a', headers });
    await go.serve({ queues: { [queue]: 1 } });
    expect((await go.saw('started', 'a')).headers).toEqual(headers);
  });

  item('4 Go → us: headers survive, with empty names and values, too', async () => {
    const queue = bed.queue();
    const { worker } = bed.worker({ queues: [queue] });
    const seen = new Promise((resolve) => worker.handle('x', (task) => resolve(task.headers)));
    await worker.start();
    await bed.go().enqueue({ queue, headers });
    expect(await seen).toEqual(headers);
  });

  /** Field 16, a text that no version knows. */
  const UNKNOWN = Buffer.concat([hex('8201'), Buffer.from([3]), Buffer.from('new')]);

  item('6 us → Go: a field that Go does not know does no harm', async () => {
    const queue = bed.queue();
    const message = { type: 'x', id: 'a', queue, retry: 3, timeout: 60 };
    await bed.put(message, Buffer.concat([encodeMessage(message), UNKNOWN]), 'pending');
    await bed.ask('LPUSH', `asynq:{${queue}}:pending`, 'a');
    const go = bed.go();
    expect(await go.task(queue, 'a')).toMatchObject({ type: 'x', maxRetry: 3 });
    await go.serve({ queues: { [queue]: 1 } });
    await go.saw('ended', 'a');
  });

  item('6 Go → us: a field that we do not know does no harm, and is kept through a retry', async () => {
    const queue = bed.queue();
    await bed.go().enqueue({ queue, taskId: 'a' });
    const stored = (await bed.field(queue, 'a', 'msg')) ?? Buffer.alloc(0);
    await bed.ask('HSET', `asynq:{${queue}}:t:a`, 'msg', Buffer.concat([stored, UNKNOWN]));
    const { worker, events } = bed.worker({ queues: [queue] });
    const end = nextEvent(events, 'attempt.finished');
    worker.handle('x', () => Promise.reject(new Error('no')));
    await worker.start();
    expect(await end).toMatchObject({ outcome: 'failed', task: { id: 'a' } });
    expect((await bed.field(queue, 'a', 'msg'))?.includes(UNKNOWN)).toBe(true);
  });

  item('12 us → Go: every byte survives in payload and result', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await bed.client.enqueue('x', ALL_BYTES, { queue, id: 'a', retention: '1h' });
    await go.serve({ queues: { [queue]: 1 }, behaviours: { x: { result: ALL_BYTES } } });
    expect((await go.saw('started', 'a')).payload.equals(ALL_BYTES)).toBe(true);
    await until(async () => (await go.task(queue, 'a')).state === 'completed');
    const task = await bed.broker.inspect.task({ queue, id: 'a' });
    expect(Buffer.from(task?.result ?? []).equals(ALL_BYTES)).toBe(true);
    expect(Buffer.from(task?.payload ?? []).equals(ALL_BYTES)).toBe(true);
  });

  item('12 Go → us: every byte survives in payload and result', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const { worker, events } = bed.worker({ queues: [queue] });
    const end = nextEvent(events, 'attempt.finished');
    worker.handle('x', (task) => task.payloadBytes);
    await worker.start();
    await go.enqueue({ queue, taskId: 'a', payload: ALL_BYTES, retentionMs: 60_000 });
    await end;
    const { state, payload, result } = await go.task(queue, 'a');
    expect(state).toBe('completed');
    expect(payload.equals(ALL_BYTES)).toBe(true);
    expect(result.equals(ALL_BYTES)).toBe(true);
  });

  item('13 us → Go: text that is not valid Unicode is refused; an error text is repaired', async () => {
    const queue = bed.queue();
    const enqueue = (type: string, options = {}) => bed.client.enqueue(type, null, { queue, ...options });
    await expect(enqueue('a\ud800')).rejects.toMatchObject({ code: 'invalid-value' });
    await expect(enqueue('x', { queue: 'a\udc00' })).rejects.toMatchObject({ code: 'invalid-value' });
    await expect(enqueue('x', { headers: { a: '\ud800' } })).rejects.toThrow(/Unicode|valid/);
    await expect(enqueue('x', { headers: { '\udc00': 'a' } })).rejects.toThrow(/Unicode|valid/);
    const { worker, events } = bed.worker({ queues: [queue] });
    const end = nextEvent(events, 'attempt.finished');
    worker.handle('x', () => Promise.reject(new Error('bad \ud800 text')));
    await worker.start();
    await enqueue('x', { id: 'a' });
    await end;
    expect((await bed.go().task(queue, 'a')).lastErr).toBe('bad \ufffd text');
  });

  item('14 us → Go: a schedule that never ran is recognized as such', async () => {
    const entry = {
      id: 'e1',
      spec: '@every 1h',
      taskType: 'x',
      taskPayload: null,
      enqueueOptions: [],
      nextEnqueueTime: NEVER,
      prevEnqueueTime: NEVER,
    };
    const bytes = encodeSchedulerEntry(entry);
    expect(bytes.toString('hex')).toContain('3a0b088092b8c398feffffff01');
    expect(decodeSchedulerEntry(bytes)).toEqual(entry);
    await bed.ask('RPUSH', 'asynq:schedulers:{s1}', bytes);
    await bed.ask('ZADD', 'asynq:schedulers', nowS() + 60, 'asynq:schedulers:{s1}');
    expect(await bed.go().inspect('schedulerEntries')).toMatchObject([
      { id: 'e1', spec: '@every 1h', type: 'x', prevMs: 0, nextMs: 0 },
    ]);
  });
});
