import * as fc from 'fast-check';
import { expect } from 'vitest';
import type { Finish, LeasedTask } from '../../src/broker/consume.ts';
import { LEASE_MS, type Bench } from '../conformance/harness.ts';
import { aTask, finish } from '../support/factories.ts';
import type { HowToEnd, Model } from './model.ts';

export const QUEUES = ['high', 'low'] as const;
const IDS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

/** The model and a real broker side by side, with all leases that were ever granted. */
export interface Pair {
  readonly bench: Bench;
  readonly model: Model;
  readonly leases: HeldLease[];
}

interface HeldLease {
  readonly task: LeasedTask;
  /** Whether the lease should still be accepted. */
  isLive: boolean;
}

/** One step of a test: makes the same change on both sides and compares the outcomes. */
export interface Operation {
  run(pair: Pair): Promise<void>;
  /** The text that a failed test prints. */
  toString(): string;
}

const operation = (name: string, run: Operation['run']): Operation => ({ run, toString: () => name });

const queue = fc.constantFrom(...QUEUES);
const ref = fc.record({ queue, id: fc.constantFrom(...IDS) });

async function advance({ bench, model }: Pair, ms: number): Promise<void> {
  await bench.advance(ms);
  model.nowMs = bench.now();
}

/** Marks the leases that recovery has ended. Until then a lease is accepted on both sides, even after its expiry. */
function loseLeases({ leases, model }: Pair): void {
  for (const held of leases) {
    const { queue: name, id } = held.task;
    if (held.isLive && model.task(name, id).state !== 'active') held.isLive = false;
  }
}

const enqueue = fc
  .array(
    fc.record({
      queue,
      id: fc.constantFrom(...IDS),
      delayMs: fc.constantFrom(0, 0, 1_000, 3_000),
      retentionMs: fc.constantFrom(0, 60_000),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((tasks) =>
    operation(`enqueue ${JSON.stringify(tasks)}`, async ({ bench, model }) => {
      const outcomes = await bench.broker.submit.enqueue(tasks.map((task) => aTask(task)));
      const seen = outcomes.map((outcome) => (outcome.code === 'created' ? outcome.state : outcome.code));
      expect(seen).toEqual(tasks.map((task) => model.enqueue(task)));
    }),
  );

interface Ending {
  readonly pick: number;
  readonly how: HowToEnd;
  readonly delayMs: number;
}

const endings = fc.array(
  fc.record<Ending>({
    pick: fc.nat(),
    how: fc.constantFrom('succeeded', 'retry', 'deferred', 'archive', 'requeue', 'defer', 'revoked'),
    delayMs: fc.constantFrom(0, 1_000, 2_000),
  }),
  { maxLength: 3 },
);

function finishOf(task: LeasedTask, { how, delayMs }: Ending): Finish {
  if (how === 'retry' || how === 'deferred') return finish.retry(task, delayMs, how === 'retry');
  if (how === 'defer') return finish.defer(task, delayMs);
  return finish[how](task);
}

/** Ends the attempts in the model. Returns the outcomes that the broker should report. */
function endInModel(model: Model, chosen: readonly { held: HeldLease; ending: Ending }[]): string[] {
  const requeued: LeasedTask[] = [];
  const outcomes = chosen.map(({ held, ending }) => {
    if (!held.isLive) return 'lease-lost';
    held.isLive = false;
    const outcome = model.end(held.task.queue, held.task.id, ending);
    if (ending.how === 'requeue' && outcome === 'accepted') requeued.push(held.task);
    return outcome;
  });
  for (const name of QUEUES) {
    const ids = requeued.filter((task) => task.queue === name).map(({ id }) => id);
    model.putFirst(name, ids);
  }
  return outcomes;
}

const exchange = fc
  .record({
    endings,
    queues: fc.constantFrom<readonly string[]>(QUEUES, ['low', 'high'], ['low'], []),
    room: fc.constantFrom(0, 1, 2, 5),
  })
  .map((call) =>
    operation(`exchange ${JSON.stringify(call)}`, async ({ bench, model, leases }) => {
      const chosen = call.endings.flatMap((ending) => {
        const held = leases[ending.pick % Math.max(1, leases.length)];
        return held ? [{ held, ending }] : [];
      });
      const outcome = await bench.broker.consume.exchange({
        finishes: chosen.map(({ held, ending }) => finishOf(held.task, ending)),
        queues: call.queues,
        room: call.room,
        leaseMs: LEASE_MS,
        worker: 'model',
      });
      expect(outcome.finished).toEqual(endInModel(model, chosen));
      expect(outcome.quarantined).toEqual([]);
      model.take(call.queues, call.room, outcome.tasks);
      for (const task of outcome.tasks) {
        const { attempt, retried, crashes } = model.task(task.queue, task.id);
        expect(task).toMatchObject({ attempt, retried, crashes });
        leases.push({ task, isLive: true });
      }
    }),
  );

const extend = fc.nat().map((pick) =>
  operation(`extend ${pick}`, async ({ bench, model, leases }) => {
    const held = leases[pick % Math.max(1, leases.length)];
    if (!held) return;
    expect(await bench.broker.consume.extend([held.task], LEASE_MS)).toEqual([held.isLive]);
    if (held.isLive) model.renew(held.task.queue, held.task.id);
  }),
);

const wait = fc
  .constantFrom(1_000, 2_000, 7_000)
  .map((ms) => operation(`advance ${ms}`, (pair) => advance(pair, ms)));

const forward = queue.map((name) =>
  operation(`forward ${name}`, async ({ bench, model }) => {
    const [outcome] = await bench.broker.maintain.forward([{ queue: name, limit: 256 }]);
    expect(outcome).toMatchObject(model.forward(name));
  }),
);

/** Leases end at whole seconds. The half second makes sure that none of them ends at this moment. */
const recover = fc.constantFrom(3_500, 11_500).map((ms) =>
  operation(`recover after ${ms}`, async (pair) => {
    const steps = QUEUES.map((name) => ({ queue: name, limit: 256 }));
    const outcomes = await pair.bench.recoverAfter(ms, steps);
    pair.model.nowMs = pair.bench.now();
    expect(outcomes).toMatchObject(QUEUES.map((name) => pair.model.recover(name)));
    loseLeases(pair);
    await advance(pair, 500);
  }),
);

const expire = fc.constantFrom(500, 60_500, 3_600_500).map((ms) =>
  operation(`expire after ${ms}`, async (pair) => {
    await advance(pair, ms);
    const steps = QUEUES.map((name) => ({ queue: name, limit: 256 }));
    const removed = await pair.bench.broker.maintain.expire(steps);
    expect(removed).toEqual(QUEUES.map((name) => pair.model.expire(name)));
    await advance(pair, 500);
  }),
);

const cancel = ref.map((task) =>
  operation(`cancel ${task.queue} ${task.id}`, async ({ bench, model }) => {
    expect(await bench.broker.control.cancel(task, {})).toEqual(model.cancel(task.queue, task.id));
  }),
);

const remove = ref.map((task) =>
  operation(`remove ${task.queue} ${task.id}`, async ({ bench, model }) => {
    expect(await bench.broker.control.remove(task)).toEqual(model.remove(task.queue, task.id));
  }),
);

const change = fc.tuple(fc.constantFrom('run', 'archive'), ref).map(([action, task]) =>
  operation(`${action} ${task.queue} ${task.id}`, async ({ bench, model }) => {
    const outcome = await bench.broker.control[action](task);
    expect(outcome).toEqual(model.change(action, task.queue, task.id));
  }),
);

const pause = fc.tuple(queue, fc.boolean()).map(([name, on]) =>
  operation(`${on ? 'pause' : 'resume'} ${name}`, async ({ bench, model }) => {
    const { control } = bench.broker;
    const changed = model.queue(name).paused !== on;
    expect(await (on ? control.pause(name) : control.resume(name))).toBe(changed);
    model.queue(name).paused = on;
  }),
);

/** Sequences of operations; the common ones have a greater weight. */
export const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.oneof(
    { arbitrary: enqueue, weight: 5 },
    { arbitrary: exchange, weight: 8 },
    { arbitrary: extend, weight: 1 },
    { arbitrary: wait, weight: 2 },
    { arbitrary: forward, weight: 3 },
    { arbitrary: recover, weight: 2 },
    { arbitrary: expire, weight: 1 },
    { arbitrary: cancel, weight: 2 },
    { arbitrary: remove, weight: 2 },
    { arbitrary: change, weight: 2 },
    { arbitrary: pause, weight: 1 },
  ),
  { minLength: 1, maxLength: 40, size: 'max' },
);
