import { expect, test } from 'vitest';
import type { QueueTotals } from '../../packages/engine/src/broker/totals.ts';
import type { BrokerContent, StoredTask } from './broker-content.ts';
import { totalsFaults } from './totals.ts';

type Outcome = StoredTask['attempts'][number]['outcome'];

/** A task of the queue `q` whose attempts have ended so. */
function stored(id: string, outcomes: readonly Outcome[], change: Partial<StoredTask> = {}): StoredTask {
  return {
    queue: 'q',
    id,
    state: 'completed',
    retried: 0,
    maxRetries: 3,
    crashes: outcomes.filter((outcome) => outcome === 'lost').length,
    attempt: outcomes.length,
    deferrals: 0,
    attempts: outcomes.map((outcome, i) => ({ number: i + 1, startedMs: 0, finishedMs: 0, outcome })),
    result: null,
    lastError: null,
    ...change,
  };
}

const running = { at: 0, wasRunning: true } as unknown as NonNullable<StoredTask['cancelled']>;

/** Tasks with ends of all kinds. */
const TASKS: readonly StoredTask[] = [
  stored('success', ['succeeded']),
  stored('retried', ['failed', 'succeeded'], { retried: 1 }),
  stored('given back', ['succeeded'], { deferrals: 2 }),
  stored('recovered', ['lost', 'succeeded']),
  stored('dead', ['failed', 'failed'], { retried: 1, state: 'archived' }),
  stored('poison', ['lost', 'lost', 'lost'], {
    state: 'archived',
    lastError: { message: 'poison: lost its worker 3 times', atMs: 1 },
  }),
  stored('cancelled', [], { state: 'cancelled' }),
  stored('stopped', ['cancelled'], { state: 'cancelled', cancelled: running }),
  stored('stopped and lost', ['lost'], { state: 'cancelled', cancelled: running }),
];

const TOTALS: QueueTotals = {
  enqueued: 9,
  started: 15,
  succeeded: 4,
  failed: 4,
  uncounted: 0,
  revoked: 0,
  cancelledRunning: 2,
  deferred: 2,
  recovered: 3,
  unreadable: 0,
  retried: 2,
  archived: 2,
  cancelled: 3,
  quarantined: 0,
};

const contentOf = (totals: Partial<QueueTotals> = {}): BrokerContent => ({
  tasks: new Map(TASKS.map((task) => [task.id, task])),
  processed: 0,
  failed: 0,
  totals: new Map([['q', { ...TOTALS, ...totals }]]),
  fsck: [],
});

test('totals that the tasks confirm have no faults', () => {
  expect(totalsFaults(contentOf())).toEqual([]);
});

const CHECKED = Object.keys(TOTALS).filter((name) => TOTALS[name as keyof QueueTotals] > 0);

test.each(CHECKED)('one less in %s is a fault', (name) => {
  const less = TOTALS[name as keyof QueueTotals] - 1;
  expect(totalsFaults(contentOf({ [name]: less })).join()).toContain(`${name} is ${less}`);
});

test('one more is a fault, unless a task that is gone may explain it', () => {
  expect(totalsFaults(contentOf({ started: 16, deferred: 3 }))).not.toEqual([]);
  expect(totalsFaults(contentOf({ started: 16, deferred: 3, enqueued: 10 }))).toEqual([]);
});

test.each(['uncounted', 'revoked'])('an end that no start explains is a fault: %s', (name) => {
  expect(totalsFaults(contentOf({ [name]: 1 }))).toEqual([expect.stringContaining('15 and 0 of')]);
});
