import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LeasedTask } from '../broker/consume.ts';
import { createRuntime } from '../runtime/runtime.ts';
import { createFakeClock, settle, type FakeClock } from '../../test/support/fake-clock.ts';
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.ts';

const LEASE_MS = 6_000;
/** Asynq's heartbeat, seen from one worker: what it renews, when, and when it gives a lease up. */
describe('the keeper of leases', () => {
  let clock: FakeClock;
  let keeper: LeaseKeeper;
  /** IDs per renewal. */
  let renewed: string[][];
  let lost: string[];
  let renew: (tasks: readonly { id: string }[]) => Promise<boolean[]>;

  const aLease = (id: string) => ({ id, queue: 'q', token: 1 }) as LeasedTask;
  const [a, b, c] = [aLease('a'), aLease('b'), aLease('c')];

  beforeEach(async () => {
    clock = createFakeClock();
    renewed = [];
    lost = [];
    renew = (tasks) => Promise.resolve(tasks.map(() => true));
    keeper = createLeaseKeeper({
      consume: {
        extend(tasks) {
          renewed.push(tasks.map(({ id }) => id));
          return renew(tasks);
        },
      },
      runtime: createRuntime({ clock }),
      leaseMs: LEASE_MS,
      onLost: ({ id }) => void lost.push(id),
    });
    keeper.start();
    await clock.asleep(2);
  });
  afterEach(() => keeper.stop());

  test('renews what is held, in one call, and what was released no more', async () => {
    for (const lease of [a, b, c]) keeper.hold(lease, clock.monotonicMs());
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

  test('holds a lease as long as it is renewed, and renews nothing once it has stopped', async () => {
    keeper.hold(a, clock.monotonicMs());
    await clock.advance(20 * LEASE_MS);
    expect(lost).toEqual([]);
    const calls = renewed.length;
    expect(calls).toBeGreaterThanOrEqual(60);
    await keeper.stop();
    await clock.advance(LEASE_MS);
    expect(renewed).toHaveLength(calls);
  });

  test('tells once of a lease that somebody else has, and renews it no more', async () => {
    renew = (tasks) => Promise.resolve(tasks.map(({ id }) => id !== 'a'));
    keeper.hold(a, clock.monotonicMs());
    keeper.hold(b, clock.monotonicMs());
    await clock.advance(LEASE_MS);
    expect(lost).toEqual(['a']);
    expect(renewed.slice(1)).toEqual(renewed.slice(1).map(() => ['b']));
  });

  test('trusts a lease that cannot be renewed until just before it is over, and never renews it later', async () => {
    renew = () => Promise.reject(new Error('out of reach'));
    keeper.hold(a, clock.monotonicMs());
    await clock.advance(LEASE_MS - 600);
    expect(lost).toEqual([]);
    await clock.advance(150);
    expect(lost).toEqual(['a']);
    const calls = renewed.length;
    renew = (tasks) => Promise.resolve(tasks.map(() => true));
    await clock.advance(LEASE_MS);
    expect(renewed).toHaveLength(calls);
    // Another attempt of the same task is another lease.
    keeper.hold(aLease('a'), clock.monotonicMs());
    await clock.advance(LEASE_MS);
    expect(lost).toEqual(['a']);
  });

  test('counts from the start of the call that brought or renewed the lease, not from its answer', async () => {
    keeper.hold(a, clock.monotonicMs() - 5_000);
    renew = () => new Promise(() => {});
    await settle();
    await clock.advance(400);
    expect(lost).toEqual([]);
    await clock.advance(200);
    expect(lost).toEqual(['a']);
  });
});
