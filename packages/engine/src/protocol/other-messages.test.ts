import { expect, test } from 'vitest';
import { msOf, NEVER, secondsDown, secondsUp, timestampOf, utcDay } from './go-time.ts';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  encodeSchedulerEnqueueEvent,
  encodeSchedulerEntry,
  type StoredSchedulerEntry,
} from './scheduler-entry.ts';
import { decodeServerInfo, decodeWorkerInfo, encodeServerInfo, encodeWorkerInfo } from './server-info.ts';
import { uniqueKey } from './keys.ts';
import { ProtocolError } from './wire.ts';

test('a ServerInfo has the bytes that Go writes', () => {
  const info = {
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
  const bytes = encodeServerInfo(info);
  expect(bytes.toString('hex')).toBe(
    '0a026831102a1a03736964200a2a0b0a0764656661756c7410013a0661637469766542080880e2cfaa061005',
  );
  expect(decodeServerInfo(bytes)).toEqual(info);
});

test('a ServerInfo with every field is read back', () => {
  const info = {
    host: 'h',
    pid: 1,
    serverId: 's',
    concurrency: 2,
    queues: { a: 0, b: 6 },
    strictPriority: true,
    status: 'closed',
    startTime: NEVER,
    activeWorkerCount: 3,
  };
  expect(decodeServerInfo(encodeServerInfo(info))).toEqual(info);
});

test('a WorkerInfo with every field is read back', () => {
  const info = {
    host: 'h',
    pid: 1,
    serverId: 's',
    taskId: 'id',
    taskType: 't',
    taskPayload: Buffer.from([0, 255]),
    queue: 'q',
    startTime: { seconds: 1, nanos: 5 },
    deadline: NEVER,
  };
  expect(decodeWorkerInfo(encodeWorkerInfo(info))).toEqual(info);
});

test("a WorkerInfo has Asynq's field numbers, and both times always", () => {
  const info = {
    host: 'h1',
    pid: 42,
    serverId: 'sid',
    taskId: 'tid',
    taskType: 't',
    taskPayload: null,
    queue: 'q',
    startTime: { seconds: 1_700_000_000, nanos: 5 },
    deadline: NEVER,
  };
  expect(encodeWorkerInfo(info).toString('hex')).toBe(
    '0a026831102a1a0373696422037469642a01743a017142080880e2cfaa0610054a0b088092b8c398feffffff01',
  );
});

test('a SchedulerEntry that has never fired has the bytes that Go writes', () => {
  const entry: StoredSchedulerEntry = {
    id: '',
    spec: '',
    taskType: '',
    taskPayload: null,
    enqueueOptions: [],
    nextEnqueueTime: null,
    prevEnqueueTime: NEVER,
  };
  const bytes = encodeSchedulerEntry(entry);
  expect(bytes.toString('hex')).toBe('3a0b088092b8c398feffffff01');
  expect(decodeSchedulerEntry(bytes)).toEqual(entry);
});

test('a SchedulerEntry with every field is read back', () => {
  const entry: StoredSchedulerEntry = {
    id: 'e1',
    spec: '@every 1m',
    taskType: 't',
    taskPayload: Buffer.from([0, 255]),
    enqueueOptions: ['Queue("a")', 'MaxRetry(3)'],
    nextEnqueueTime: { seconds: 1, nanos: 999_999_999 },
    prevEnqueueTime: NEVER,
  };
  expect(decodeSchedulerEntry(encodeSchedulerEntry(entry))).toEqual(entry);
});

test('a SchedulerEnqueueEvent has the bytes that Go writes', () => {
  const event = { taskId: 'tid', enqueueTime: { seconds: 1_700_000_000, nanos: 0 } };
  const bytes = encodeSchedulerEnqueueEvent(event);
  expect(bytes.toString('hex')).toBe('0a0374696412060880e2cfaa06');
  expect(decodeSchedulerEnqueueEvent(bytes)).toEqual(event);
});

test.each([decodeServerInfo, decodeWorkerInfo, decodeSchedulerEntry, decodeSchedulerEnqueueEvent])(
  '%o refuses truncated bytes',
  (decode) => {
    expect(() => decode(Buffer.from('0a05', 'hex'))).toThrow(ProtocolError);
  },
);

test.each([
  ['no payload', null, 'asynq:{default}:unique:reindex:'],
  ['an empty payload', '', 'asynq:{default}:unique:reindex:d41d8cd98f00b204e9800998ecf8427e'],
  ['foo', 'foo', 'asynq:{default}:unique:reindex:acbd18db4cc2f85cedef654fccc4a4d8'],
  ['JSON', '{"user_id":123}', 'asynq:{default}:unique:reindex:f7218ed06954e3dc6750e967d4be68e4'],
])('the unique key for %s is the one that Go makes', (_, payload, key) => {
  const bytes = payload === null ? null : Buffer.from(payload);
  expect(uniqueKey({ queue: 'default', type: 'reindex', payload: bytes })).toBe(key);
});

test('secondsUp rounds up, secondsDown rounds toward zero as Go does', () => {
  expect([0, 1, 999, 1_000, 1_001].map(secondsUp)).toEqual([0, 1, 1, 1, 2]);
  expect([0, 999, 1_999, -1_999].map(secondsDown)).toEqual([0, 0, 1, -1]);
});

test('"never" is written as the year 1, and read from the year 1 or 1970', () => {
  expect(timestampOf(null)).toEqual({ seconds: -62_135_596_800, nanos: 0 });
  expect(msOf(NEVER)).toBeNull();
  expect(msOf({ seconds: 0, nanos: 0 })).toBeNull();
});

test.each([1, 1_700_000_000_123, -1, -1_500])('%d ms are read back from their timestamp', (ms) => {
  const timestamp = timestampOf(ms);
  expect(timestamp.nanos).toBeGreaterThanOrEqual(0);
  expect(msOf(timestamp)).toBe(ms);
});

test('utcDay is the day in UTC', () => {
  expect(utcDay(Date.UTC(2026, 4, 14, 23, 59, 59, 999))).toBe('2026-05-14');
  expect(utcDay(Date.UTC(2026, 0, 2))).toBe('2026-01-02');
});
