import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { LeasedTask } from '../broker/consume.ts';
import type { LeaseRenewal } from '../broker/lease-renewal.ts';
import {
  RENEWER_ALIVE_MS,
  DEGRADED,
  HEALTHY,
  controlBlockOf,
  HEALTH,
  type ControlBlock,
} from '../leases/lease-memory.ts';
import { Events } from '../runtime/events.ts';
import { createRuntime } from '../runtime/runtime.ts';
import { createFakeClock, settle, type FakeClock } from '../../test/support/fake-clock.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { HeldTask } from './held-task.ts';

const LEASE_MS = 6_000;
/** What one worker's keeper renews, when, and when it gives a lease up. */
describe('the lease keeper', () => {
  let clock: FakeClock;
  let keeper: LeaseKeeper;
  /** IDs per renewal. */
  let renewed: string[][];
  let lost: string[];
  let causes: string[];
  let caughtUp: number;
  let events: Events;
  let renew: (tasks: readonly { id: string }[]) => Promise<boolean[]>;

  const aLease = (id: string, queue = 'q') => new HeldTask({ id, queue, token: 1 } as LeasedTask);
  const [a, b, c] = [aLease('a'), aLease('b'), aLease('c')];

  beforeEach(async () => {
    clock = createFakeClock();
    renewed = [];
    lost = [];
    causes = [];
    caughtUp = 0;
    events = new Events();
    renew = (tasks) => Promise.resolve(tasks.map(() => true));
    keeper = newKeeper();
    keeper.start();
    await clock.waitForSleepers(2);
  });
  afterEach(() => keeper.stop());

  interface Setting {
    readonly leaseMs?: number;
    readonly leaseRenewal?: LeaseRenewal;
  }

  function newKeeper({ leaseMs = LEASE_MS, leaseRenewal }: Setting = {}): LeaseKeeper {
    return new LeaseKeeper({
      broker: {
        consume: {
          extend(tasks) {
            renewed.push(tasks.map(({ id }) => id).sort());
            return renew(tasks);
          },
        },
        leaseRenewal: leaseRenewal ?? null,
      },
      runtime: createRuntime({ clock, events }),
      settings: { leaseMs, maxStallMs: 30_000, failStop: false },
      concurrency: 10,
      onLost: ({ task, lossCause }) => {
        lost.push(task.id);
        causes.push(lossCause);
      },
      onCaughtUp: () => void (caughtUp += 1),
    });
  }

  const hold = (lease: HeldTask, sinceMs = clock.monotonicMs(), from = keeper) => from.track(lease, sinceMs);

  test('renews the leases that it tracks in one call, and released ones no more', async () => {
    for (const lease of [a, b, c]) hold(lease);
    await clock.advance(LEASE_MS / 4);
    expect(renewed).toEqual([['a', 'b', 'c']]);
    keeper.release(b);
    await clock.advance(LEASE_MS / 4);
    expect(renewed).toEqual([
      ['a', 'b', 'c'],
      ['a', 'c'],
    ]);
    keeper.release(a);
    keeper.release(c);
    await clock.advance(10 * LEASE_MS);
    expect(renewed).toHaveLength(2);
    expect(lost).toEqual([]);
  });

  test('keeps a lease while it is renewed, and renews nothing after it was stopped', async () => {
    hold(a);
    await clock.advance(20 * LEASE_MS);
    expect(lost).toEqual([]);
    const calls = renewed.length;
    expect(calls).toBeGreaterThanOrEqual(60);
    await keeper.stop();
    await clock.advance(LEASE_MS);
    expect(renewed).toHaveLength(calls);
  });

  test('reports a lease of another worker once, and renews it no more', async () => {
    renew = (tasks) => Promise.resolve(tasks.map(({ id }) => id !== 'a'));
    hold(a);
    hold(b);
    await clock.advance(LEASE_MS);
    expect(lost).toEqual(['a']);
    expect(causes).toEqual(['taken']);
    expect(renewed.slice(1)).toEqual(renewed.slice(1).map(() => ['b']));
  });

  test('trusts a lease that cannot be renewed until just before it expires, and never renews it later', async () => {
    renew = () => Promise.reject(new Error('out of reach'));
    hold(a);
    await clock.advance(LEASE_MS - 600);
    expect(lost).toEqual([]);
    await clock.advance(150);
    expect(lost).toEqual(['a']);
    expect(causes).toEqual(['expired']);
    const calls = renewed.length;
    renew = (tasks) => Promise.resolve(tasks.map(() => true));
    await clock.advance(LEASE_MS);
    expect(renewed).toHaveLength(calls);
    // Another attempt of the same task is another lease.
    hold(aLease('a'));
    await clock.advance(LEASE_MS);
    expect(lost).toEqual(['a']);
  });

  test('counts from the start of the call that took or renewed the lease, not from its answer', async () => {
    hold(a, clock.monotonicMs() - 5_000);
    renew = () => new Promise(() => {});
    await settle();
    await clock.advance(400);
    expect(lost).toEqual([]);
    await clock.advance(200);
    expect(lost).toEqual(['a']);
  });

  test('renews each queue in a call of its own: a node out of reach costs no other lease', async () => {
    const short = newKeeper({ leaseMs: 2_000 });
    short.start();
    onTestFinished(() => short.stop());
    await clock.waitForSleepers(4);
    const elsewhere = aLease('elsewhere', 'away');
    const ends: (() => void)[] = [];
    renew = (tasks) =>
      tasks.every(({ id }) => id === 'a')
        ? Promise.resolve([true])
        : new Promise((_, reject) => ends.push(() => reject(new Error('out of reach'))));
    hold(a, clock.monotonicMs(), short);
    hold(elsewhere, clock.monotonicMs(), short);
    for (let failures = 0; failures < 4; failures += 1) {
      await clock.advance(4_500);
      ends.splice(0).forEach((end) => end());
      await settle();
    }
    expect(lost).toEqual(['elsewhere']);
  });

  test('soon tries again to renew what could not be renewed', async () => {
    let failures = 0;
    renew = (tasks) => {
      failures += 1;
      return failures < 3
        ? Promise.reject(new Error('out of reach'))
        : Promise.resolve(tasks.map(() => true));
    };
    hold(a);
    await clock.advance(LEASE_MS / 4 + 1_000);
    expect(renewed).toHaveLength(3);
    expect(lost).toEqual([]);
  });

  /** A renewer thread that does nothing. The test gives its signs of life. */
  function aThread(options: Setting = {}) {
    let controlBlock: ControlBlock | undefined;
    let replaced = 0;
    const leaseRenewal: LeaseRenewal = {
      renew(_, memory) {
        controlBlock = controlBlockOf(memory);
        return { add() {}, end() {}, replace: () => void (replaced += 1) };
      },
    };
    const watched = newKeeper({ ...options, leaseRenewal });
    watched.start();
    onTestFinished(() => watched.stop());
    return {
      watched,
      replaced: () => replaced,
      async alive(ms: number) {
        for (let passed = 0; passed < ms; passed += 250) {
          controlBlock!.times[RENEWER_ALIVE_MS] = clock.monotonicMs();
          hold(a, clock.monotonicMs(), watched);
          await clock.advance(250);
          watched.release(a);
        }
      },
    };
  }

  test('leaves renewing to the renewer thread while that gives signs of life', async () => {
    const { watched, alive, replaced } = aThread();
    await alive(2 * LEASE_MS);
    expect(renewed).toEqual([]);
    expect(replaced()).toBe(0);
    hold(b, clock.monotonicMs(), watched);
    await clock.advance(3 * LEASE_MS);
    expect(replaced()).toBeGreaterThan(0);
    expect(lost).toEqual([]);
    // From 2 s on, every 1.5 s.
    expect(renewed.length).toBeGreaterThanOrEqual(9);
    watched.release(b);
    await alive(LEASE_MS);
    const calls = renewed.length;
    await alive(2 * LEASE_MS);
    expect(renewed).toHaveLength(calls);
  });

  test('tries failed renewals again also while it replaces the renewer thread', async () => {
    const { watched, alive } = aThread();
    await alive(1_000);
    let failures = 0;
    renew = (tasks) =>
      (failures += 1) % 4 === 0
        ? Promise.resolve(tasks.map(() => true))
        : Promise.reject(new Error('out of reach'));
    hold(b, clock.monotonicMs(), watched);
    await clock.advance(5 * LEASE_MS);
    expect(lost).toEqual([]);
  });

  test('does not take the renewer thread for dead when the whole process was stopped', async () => {
    const { watched, alive, replaced } = aThread({ leaseMs: 60_000 });
    await alive(1_000);
    hold(b, clock.monotonicMs(), watched);
    clock.skip(20_000);
    await clock.advance(500);
    expect(replaced()).toBe(0);
    expect(renewed).toEqual([]);
  });

  test('reports a stall, and keeps up again only when the renewer thread has seen it', async () => {
    let controlBlock: ControlBlock | undefined;
    const leaseRenewal: LeaseRenewal = {
      renew(_, memory) {
        controlBlock = controlBlockOf(memory);
        return { add() {}, end() {}, replace() {} };
      },
    };
    const watched = newKeeper({ leaseRenewal });
    watched.start();
    onTestFinished(() => watched.stop());
    const stalls: number[] = [];
    events.on('loop.stalled', ({ stallMs }) => stalls.push(stallMs));
    hold(a, clock.monotonicMs(), watched);
    await clock.advance(1_000);
    expect(stalls).toEqual([]);
    expect(watched.keepsUp).toBe(true);
    clock.skip(3_000);
    Atomics.store(controlBlock!.words, HEALTH, DEGRADED);
    expect(watched.keepsUp).toBe(false);
    await clock.advance(200);
    expect(stalls).toEqual([expect.closeTo(3_000, -3)]);
    expect(caughtUp).toBe(0);
    Atomics.store(controlBlock!.words, HEALTH, HEALTHY);
    await clock.advance(200);
    expect(caughtUp).toBe(1);
    expect(watched.keepsUp).toBe(true);
  });
});
