import { describe, expect, test } from 'vitest';
import type { BrokerContent, StoredTask } from './broker-content.ts';
import { judge } from './checker.ts';
import { fireFaults, lateMs, madeTimes } from './fires.ts';
import type { Line } from './history.ts';

const FROM_MS = Date.UTC(2026, 10, 25);

/** The completed task of a fire. */
const firedTask = (id: string, second: number, meta: StoredTask['meta'] = {}): StoredTask => ({
  queue: 'default',
  id,
  state: 'completed',
  retried: 0,
  maxRetries: 0,
  crashes: 0,
  attempt: 1,
  deferrals: 0,
  attempts: [{ number: 1, startedMs: 0, finishedMs: 0, outcome: 'succeeded' }],
  result: Buffer.from(JSON.stringify({ by: 'worker-1', attempt: 1 })),
  lastError: null,
  payload: Buffer.from('{}'),
  meta: { origin: 'schedule', schedule: 'one', fireMs: FROM_MS + second * 1_000, ...meta },
});

const contentOf = (...tasks: readonly StoredTask[]): BrokerContent => ({
  tasks: new Map(tasks.map((task) => [task.id, task])),
  processed: tasks.length,
  failed: 0,
  totals: new Map(),
  fsck: [],
});

const ran = (id: string, t: number): Line[] => {
  const run = { member: 'worker-1', id, attempt: 1 };
  return [
    { e: 'start', t, queue: 'default', ...run },
    { e: 'end', t: t + 1, outcome: 'ok', ...run },
    { e: 'finished', t: t + 2, outcome: 'succeeded', ...run },
  ];
};

const SPAN = {
  schedules: [{ id: 'one', task: { task: 'task', payload: {} } }],
  fromMs: FROM_MS,
  toMs: FROM_MS + 2_000,
};

describe('the checker of fires', () => {
  test('accepts tasks of schedules, which nobody has enqueued', () => {
    const content = contentOf(firedTask('a', 0), firedTask('b', 1));
    expect(judge([...ran('a', 10), ...ran('b', 20)], content).violations).toEqual([]);
  });

  test('finds a fire that was made twice', () => {
    const content = contentOf(firedTask('a', 0), firedTask('b', 0));
    const { violations } = judge([...ran('a', 10), ...ran('b', 20)], content);
    expect(violations).toEqual(['1 fires were made more than once (I5): one at 2026-11-25T00:00:00.000Z']);
  });

  test('accepts the shards of a fire', () => {
    const content = contentOf(firedTask('a', 0, { shard: [0, 2] }), firedTask('b', 0, { shard: [1, 2] }));
    expect(judge([...ran('a', 10), ...ran('b', 20)], content).violations).toEqual([]);
  });

  test('finds fires that are missing, and others', () => {
    expect(fireFaults(contentOf(firedTask('a', 0), firedTask('b', 1)), SPAN)).toEqual([]);
    expect(fireFaults(contentOf(firedTask('a', 1), firedTask('b', 2)), SPAN)).toEqual([
      'one: of 2 fires 1 are missing, and there are 1 others',
    ]);
    expect(fireFaults(contentOf(), SPAN)).toHaveLength(1);
  });

  test('tells how late each task was stored and started, and whether it was early', () => {
    const content = contentOf(firedTask('a', 0));
    const stored: Line = {
      e: 'fired',
      t: 9,
      member: 'scheduler-1',
      schedule: 'one',
      outcome: 'fired',
      fireMs: FROM_MS,
      lateMs: 0,
      taskId: 'a',
    };
    expect(lateMs([stored, ...ran('a', 10)], content, FROM_MS - 10)).toEqual([-1, 0]);
  });

  test('lists the logical times of each schedule in order', () => {
    const content = contentOf(firedTask('a', 1), firedTask('b', 0), firedTask('c', 0, { schedule: 'two' }));
    expect([...madeTimes(content)]).toEqual([
      ['one', [FROM_MS, FROM_MS + 1_000]],
      ['two', [FROM_MS]],
    ]);
  });
});
