import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
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
    keeper = newKeeper(LEASE_MS);
    keeper.start();
    await clock.asleep(2);
  });
  afterEach(() => keeper.stop());

  function newKeeper(leaseMs: number): LeaseKeeper {
    return createLeaseKeeper({
      consume: {
        extend(tasks) {
          renewed.push(tasks.map(({ id }) => id));
          return renew(tasks);
        },
      },
      runtime: createRuntime({ clock }),
      leaseMs,
      onLost: ({ id }) => void lost.push(id),
    });
  }

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

  test('renews the leases of each queue on their own: a server that is away costs no other lease', async () => {
    const short = newKeeper(2_000);
    short.start();
    onTestFinished(() => short.stop());
    await clock.asleep(4);
    const elsewhere = { ...aLease('elsewhere'), queue: 'away' };
    const ends: (() => void)[] = [];
    renew = (tasks) =>
      tasks.every(({ id }) => id === 'a')
        ? Promise.resolve([true])
        : new Promise((_, reject) => ends.push(() => reject(new Error('out of reach'))));
    short.hold(a, clock.monotonicMs());
    short.hold(elsewhere, clock.monotonicMs());
    for (let failures = 0; failures < 4; failures += 1) {
      await clock.advance(4_500);
      ends.splice(0).forEach((end) => end());
      await settle();
    }
    expect(lost).toEqual(['elsewhere']);
  });

  test('renews again soon what could not be renewed', async () => {
    let failures = 0;
    renew = (tasks) => {
      failures += 1;
      return failures < 3
        ? Promise.reject(new Error('out of reach'))
        : Promise.resolve(tasks.map(() => true));
    };
    keeper.hold(a, clock.monotonicMs());
    await clock.advance(LEASE_MS / 4 + 1_000);
    expect(renewed).toHaveLength(3);
    expect(lost).toEqual([]);
  });
});
