import { describe, expect, test } from 'vitest';
import { judge, type Allowed } from './checker.ts';
import type { BrokerContent, StoredTask } from './broker-content.ts';
import type { Does, Line } from './history.ts';

type AttemptRecord = StoredTask['attempts'][number];

const record = (number: number, outcome: AttemptRecord['outcome']): AttemptRecord => ({
  number,
  startedMs: 0,
  finishedMs: 0,
  outcome,
});

/** A completed task that `worker-1` ran once. */
function stored(id: string, change: Partial<StoredTask> = {}): StoredTask {
  return {
    queue: 'default',
    id,
    state: 'completed',
    retried: 0,
    maxRetries: 3,
    crashes: 0,
    attempt: 1,
    deferrals: 0,
    attempts: [record(1, 'succeeded')],
    result: Buffer.from(JSON.stringify({ by: 'worker-1', attempt: 1 })),
    lastError: null,
    ...change,
  };
}

/** The content of a broker. By default the counters follow from the tasks. */
function contentOf(tasks: readonly StoredTask[], counters: Partial<BrokerContent> = {}): BrokerContent {
  const ends = tasks.flatMap(({ attempts }) => attempts.map(({ outcome }) => outcome));
  const failed = ends.filter((outcome) => outcome === 'failed').length;
  const processed = failed + ends.filter((outcome) => outcome === 'succeeded').length;
  const content = { tasks: new Map(tasks.map((task) => [task.id, task])), processed, failed, fsck: [] };
  return { ...content, totals: new Map(), ...counters };
}

const call = (t: number, id: string, does: Does = {}): Line => ({
  e: 'call',
  t,
  member: 'producer-1',
  id,
  queue: 'default',
  maxRetries: 3,
  does,
});
const ack = (t: number, id: string): Line => ({ e: 'ack', t, member: 'producer-1', id });
const ran = { id: 'a', attempt: 1 };
const start = (t: number, change: object = {}): Line => ({
  e: 'start',
  t,
  member: 'worker-1',
  queue: 'default',
  ...ran,
  ...change,
});
const end = (t: number, change: object = {}): Line => ({
  e: 'end',
  t,
  member: 'worker-1',
  outcome: 'ok',
  ...ran,
  ...change,
});
const finished = (t: number, change: object = {}): Line => ({
  e: 'finished',
  t,
  member: 'worker-1',
  outcome: 'succeeded',
  ...ran,
  ...change,
});
const kill = (t: number, of = 'worker-1'): Line[] => [
  { e: 'fault', t, member: 'test', what: 'SIGKILL', of: [of] },
  { e: 'exit', t: t + 5, member: 'test', of, code: null, signal: 'SIGKILL', isRequested: true },
];
const second = { member: 'worker-2', attempt: 2 };
const enqueued = [call(1, 'a'), ack(2, 'a')];
const once = [...enqueued, start(3), end(4), finished(5)];
/** A completed task whose first attempt was lost with its worker. */
const twice = stored('a', {
  crashes: 1,
  attempts: [record(1, 'lost'), record(2, 'succeeded')],
  result: Buffer.from(JSON.stringify({ by: 'worker-2', attempt: 2 })),
});

const violations = (lines: readonly Line[], content: BrokerContent, allowed: Allowed = {}) =>
  judge(lines, content, allowed).violations.join('\n');

describe('a run without faults', () => {
  test('has no violations and is counted', () => {
    const { violations: none, tasks, overlapMs } = judge(once, contentOf([stored('a')]));
    expect(none).toEqual([]);
    expect(tasks).toMatchObject({ attempted: 1, acked: 1, unknown: 0, lost: 0, completed: 1 });
    expect(overlapMs).toBe(0);
  });

  test('may have tasks of unknown outcome, stored or not', () => {
    const lines: Line[] = [
      ...once,
      call(6, 'b'),
      { e: 'unknown', t: 7, member: 'producer-1', id: 'b', code: 'broker-unavailable' },
      // Its producer was killed during the call.
      call(8, 'c'),
    ];
    const { violations: none, tasks } = judge(lines, contentOf([stored('a')]));
    expect(none).toEqual([]);
    expect(tasks).toMatchObject({ unknown: 2, recovered: 0 });
  });

  test('may have planned failures', () => {
    const fails = { outcome: 'fail' };
    const lines = [
      call(1, 'a', { fail: 1 }),
      ack(2, 'a'),
      start(3),
      end(4, fails),
      finished(5, { outcome: 'failed' }),
      start(6, second),
      end(7, second),
      finished(8, second),
    ];
    const task = stored('a', {
      retried: 1,
      attempts: [record(1, 'failed'), record(2, 'succeeded')],
      result: twice.result,
    });
    expect(violations(lines, contentOf([task]))).toBe('');
  });
});

describe('answers to producers', () => {
  test('an acknowledged task that is gone is a loss', () => {
    expect(violations(once, contentOf([]))).toContain('acknowledged tasks are lost (I1): a');
    expect(judge(once, contentOf([]), { losses: true }).tasks.lost).toBe(1);
  });

  test('a refused task that was stored is a violation', () => {
    const lines: Line[] = [
      call(1, 'a'),
      { e: 'refused', t: 2, member: 'producer-1', id: 'a', code: 'broker-full' },
    ];
    expect(violations(lines, contentOf([]))).toBe('');
    expect(violations([...lines, start(3), end(4), finished(5)], contentOf([stored('a')]))).toContain(
      'refused',
    );
  });

  test('a task that no producer enqueued is a violation', () => {
    expect(violations(once, contentOf([stored('a'), stored('b')]))).toContain('(unexpected): b');
    expect(violations([...once, start(6, { id: 'ghost' })], contentOf([stored('a')]))).toContain(': ghost');
  });

  test('a task that was enqueued again counts by its best known answer', () => {
    const unknown: Line = {
      e: 'unknown',
      t: 1.5,
      member: 'producer-1',
      id: 'a',
      code: 'broker-unavailable',
    };
    expect(judge([...once, unknown], contentOf([stored('a')])).tasks).toMatchObject({ acked: 1, unknown: 0 });
    const exists: Line = { e: 'refused', t: 1.6, member: 'producer-1', id: 'a', code: 'broker-full' };
    const lines = [call(1, 'a'), unknown, exists];
    expect(violations([...lines, start(3), end(4), finished(5)], contentOf([stored('a')]))).toBe('');
  });
});

describe('reruns', () => {
  const killed = [
    ...enqueued,
    start(3),
    ...kill(10),
    start(7_010, second),
    end(7_011, second),
    finished(7_012, second),
  ];

  test('are allowed only for a named reason, and their recovery is measured', () => {
    const verdict = judge(killed, contentOf([twice]), { duplicates: ['killed'] });
    expect(verdict.violations).toEqual([]);
    expect(verdict.reruns).toEqual({ killed: 1 });
    expect(verdict.recovery).toMatchObject({ n: 1, max: 7_000 });
    expect(violations(killed, contentOf([twice]))).toContain('unexpected reruns (killed)');
    expect(violations(killed, contentOf([twice]), { duplicates: ['killed'], recoveryMs: 6_000 })).toContain(
      'took 7000 ms',
    );
  });

  test('are measured from a heal that names the member', () => {
    const heal: Line = { e: 'heal', t: 5_010, member: 'test', what: 'started again', of: ['worker-1'] };
    const { recovery } = judge([...killed, heal], contentOf([twice]), { duplicates: ['killed'] });
    expect(recovery).toMatchObject({ n: 1, max: 2_000 });
  });

  test('are unexplained while the first worker is alive', () => {
    const lines = killed.filter(({ e }) => e !== 'fault' && e !== 'exit');
    expect(violations(lines, contentOf([twice]), { duplicates: ['killed', 'lease-lost'] })).toContain(
      'unexpected reruns (unexplained)',
    );
  });

  test('after an end that the broker had accepted are rolled back', () => {
    const lines = [...once, start(6, second), end(7, second), finished(8, second)];
    const found = violations(lines, contentOf([twice]), { duplicates: ['killed'] });
    expect(found).toContain('unexpected reruns (rolled-back)');
    expect(found).toContain('the broker accepted 2 final ends');
  });

  test('with a late end are a violation only if the broker accepted it', () => {
    const lines = (outcome: string) => [
      ...enqueued,
      start(3),
      start(9_000, second),
      end(9_001, second),
      finished(9_002, second),
      end(9_100),
      finished(9_101, { outcome }),
    ];
    const allowed: Allowed = { duplicates: ['lease-lost', 'rolled-back'] };
    expect(violations(lines('succeeded'), contentOf([twice]), allowed)).toContain(
      'were accepted after the next',
    );
    const { violations: none, staleEnds } = judge(lines('lost'), contentOf([twice]), allowed);
    expect(none).toEqual([]);
    expect(staleEnds).toBe(1);
  });
});

describe('overlap of valid leases', () => {
  const allowed: Allowed = { duplicates: ['lease-lost'] };
  const overlapping = (again: number, more: readonly Line[] = []) => {
    const lines = [
      ...enqueued,
      start(3),
      end(20_000),
      finished(20_001, { outcome: 'lost' }),
      start(again, second),
      end(again + 50, second),
      finished(again + 51, second),
      ...more,
    ];
    return judge(lines, contentOf([twice]), allowed);
  };

  test('counts a second attempt within the lease of the first', () => {
    expect(overlapping(5_000).overlapMs).toBe(50);
    expect(overlapping(5_000).violations.join()).toContain('(I4)');
  });

  test('ends half a second before the lease', () => {
    expect(overlapping(5_504).violations).toEqual([]);
  });

  test('respects renewals, unless they came too late', () => {
    const renewed = (since: number): Line => ({
      e: 'renewed',
      gapMs: 4_000,
      t: since + 1,
      member: 'worker-1',
      since,
      leases: 1,
      queue: 'default',
    });
    expect(overlapping(8_000, [renewed(4_000)]).overlapMs).toBe(50);
    expect(overlapping(12_500, [renewed(4_000), renewed(8_000)]).overlapMs).toBe(50);
    expect(overlapping(14_000, [renewed(4_000), renewed(12_000)]).overlapMs).toBe(0);
  });

  test('ends when a hung process has released its leases', () => {
    const released: Line = {
      e: 'released',
      t: 9_000,
      member: 'worker-1',
      at: 4_900,
      leases: 1,
      stallMs: 4_000,
    };
    expect(overlapping(5_000, [released]).overlapMs).toBe(0);
  });

  test('ends when an attempt was aborted', () => {
    const abort: Line = { e: 'abort', t: 4_900, member: 'worker-1', ...ran, cause: 'lease-lost' };
    expect(overlapping(5_000, [abort]).overlapMs).toBe(0);
  });
});

describe('bookkeeping', () => {
  test('a task that is not final', () => {
    expect(violations(enqueued, contentOf([stored('a', { state: 'active', attempts: [] })]))).toContain(
      'task a: it ended active',
    );
  });

  test('a success that is recorded twice or is missing', () => {
    const double = stored('a', { attempts: [record(1, 'succeeded'), record(2, 'succeeded')] });
    expect(violations(once, contentOf([double]))).toContain('2 successes are recorded');
    expect(violations(once, contentOf([stored('a', { attempts: [] })]))).toContain('0 successes');
  });

  test('a failure that the payload does not cause', () => {
    const task = stored('a', { attempts: [record(1, 'failed'), record(2, 'succeeded')] });
    expect(violations(once, contentOf([task]))).toContain('1 failures are recorded instead of 0');
  });

  test('an archived task that should have completed', () => {
    const task = stored('a', { state: 'archived', attempts: [], result: null });
    expect(violations(once, contentOf([task]))).toContain('it is archived instead of completed');
  });

  test('counters that differ from the records', () => {
    expect(violations(once, contentOf([stored('a')], { processed: 2 }))).toContain(
      '2 attempts are counted, 1 rec',
    );
    expect(violations(once, contentOf([stored('a')], { failed: 1 }))).toContain(
      '1 failures are counted, 0 rec',
    );
  });

  test('a lost attempt without a crash', () => {
    expect(violations(once, contentOf([stored('a', { crashes: 1 })]))).toContain(
      '0 lost attempts are recorded, 1',
    );
  });

  test('the result of a lost attempt, unless a failover gave its number to the same worker again', () => {
    const undone = [...enqueued, start(3), end(4), finished(5, { outcome: 'lost' })];
    const lines = [...undone, start(6), end(7), finished(8)];
    const allowed: Allowed = { duplicates: ['lease-lost'] };
    expect(violations(lines, contentOf([stored('a')]), allowed)).toBe('');
    expect(violations(undone, contentOf([stored('a')]), allowed)).toContain('had lost its lease');
  });

  test('a result of another worker', () => {
    const task = stored('a', { result: Buffer.from(JSON.stringify({ by: 'worker-7', attempt: 1 })) });
    expect(violations(once, contentOf([task]))).toContain('no successful attempt returned its result');
  });

  test('poison counts as one failure', () => {
    const lost = [1, 2, 3].map((number) => record(number, 'lost'));
    const lastError = { message: 'poison: lost its worker 3 times', atMs: 1 };
    const task = stored('a', { state: 'archived', crashes: 3, attempts: lost, result: null, lastError });
    expect(violations(enqueued, contentOf([task], { processed: 1, failed: 1 }))).toBe('');
  });
});

describe('processes', () => {
  const exit = (change: object): Line => ({
    e: 'exit',
    t: 9,
    member: 'test',
    of: 'worker-1',
    code: 1,
    signal: null,
    isRequested: false,
    ...change,
  });

  test('must not end by themselves with an error, unless it is allowed', () => {
    expect(violations([...once, exit({})], contentOf([stored('a')]))).toContain(
      'worker-1 ended by itself (I8)',
    );
    expect(violations([...once, exit({})], contentOf([stored('a')]), { crashes: true })).toBe('');
    expect(violations([...once, exit({ code: 0 })], contentOf([stored('a')]))).toBe('');
  });

  test('must have no unhandled rejection', () => {
    const crash: Line = {
      e: 'crash',
      t: 9,
      member: 'producer-1',
      origin: 'unhandledRejection',
      error: 'Error: x',
    };
    expect(violations([...once, crash], contentOf([stored('a')]))).toContain('unhandledRejection: Error: x');
  });
});

test('a finding of fsck is a violation', () => {
  expect(violations(once, contentOf([stored('a')], { fsck: ['ghost x'] }))).toBe('fsck (I7): ghost x');
});

test('the time to resume runs from a heal to the next start', () => {
  const heal: Line = { e: 'heal', t: 2.5, member: 'test', what: 'Redis is back', of: [] };
  expect(judge([...once, heal], contentOf([stored('a')])).resume).toMatchObject({ n: 1 });
  const late = [...once, { ...heal, t: -5_000 }];
  expect(violations(late, contentOf([stored('a')]), { resumeMs: 3_000 })).toContain(
    'the next start after a heal',
  );
});
