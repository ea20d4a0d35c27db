import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Lease } from '../broker/consume.ts';
import type { LeaseNote } from '../broker/lease-renewal.ts';
import { createFakeClock, settle, type FakeClock } from '../../test/support/fake-clock.ts';
import {
  DEGRADED,
  HEALTHY,
  controlBlockOf,
  RELEASED,
  HEALTH,
  MAIN_ALIVE_MS,
  type ControlBlock,
} from './lease-memory.ts';
import { LeaseTable } from './lease-table.ts';
import { createRenewer, type Renewer } from './renewer.ts';

const LEASE_MS = 6_000;
const MAX_STALL_MS = 30_000;

/** What another thread sees of a main thread and its leases, and does about them. */
describe('a renewer', () => {
  let clock: FakeClock;
  let renewer: Renewer;
  let head: ControlBlock;
  let table: LeaseTable<Lease>;
  /** Calls to the broker. */
  let calls: { ids: string[]; lengthMs: number }[];
  let notes: LeaseNote[];
  let stops: string[];

  const aLease = (id: string, queue = 'q'): Lease => ({ queue, id, token: 7 });
  const hold = (lease: Lease, deadlineMs = Infinity) => {
    table.track(lease, clock.monotonicMs() + LEASE_MS - 500);
    table.begin(lease, deadlineMs, clock.monotonicMs());
    return lease;
  };
  const tick = () => (head.times[MAIN_ALIVE_MS] = clock.monotonicMs());
  const stage = () => Atomics.load(head.words, HEALTH);
  const renewals = () => calls.filter(({ lengthMs }) => lengthMs > 0);
  const releases = () => calls.filter(({ lengthMs }) => lengthMs === 0);

  function begin(failStop = false): void {
    renewer = createRenewer({
      clock,
      extend(leases, lengthMs) {
        calls.push({ ids: leases.map(({ id }) => id).sort(), lengthMs });
        return Promise.resolve(leases.map(() => true));
      },
      note: (_, note) => void notes.push(note),
      watches: true,
      failStop: (reason) => void stops.push(reason),
    });
    renewer.add(1, { leaseMs: LEASE_MS, maxStallMs: MAX_STALL_MS, failStop }, head);
    table = new LeaseTable(4, (chunk) => renewer.addChunk(1, chunk));
    tick();
    renewer.start();
  }

  beforeEach(() => {
    clock = createFakeClock();
    head = controlBlockOf();
    calls = [];
    notes = [];
    stops = [];
  });
  afterEach(() => renewer.stop());

  /** Time passes while the main thread gives signs of life. */
  async function lively(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      tick();
      await clock.advance(100);
    }
  }

  test('renews what several workers of a process hold in one call per queue', async () => {
    begin();
    const other = controlBlockOf();
    renewer.add(2, { leaseMs: LEASE_MS, maxStallMs: MAX_STALL_MS, failStop: false }, other);
    const others = new LeaseTable<Lease>(4, (chunk) => renewer.addChunk(2, chunk));
    hold(aLease('a'));
    hold(aLease('b', 'r'));
    others.track(aLease('c'), clock.monotonicMs() + 5_500);
    await clock.advance(LEASE_MS / 4);
    expect(calls.map(({ ids }) => ids.join()).sort()).toEqual(['a,c', 'b']);
  });

  test('tells the time between renewals, but not over times without leases', async () => {
    begin();
    const gaps = () => notes.flatMap((note) => (note.kind === 'renewed' ? [note.gapMs] : []));
    const a = hold(aLease('a'));
    await lively(LEASE_MS / 2);
    expect(gaps()).toEqual([0, LEASE_MS / 4]);
    table.release(a);
    await lively(LEASE_MS);
    hold(aLease('b'));
    await lively(LEASE_MS / 2);
    expect(gaps()).toEqual([0, LEASE_MS / 4, 0, LEASE_MS / 4]);
  });

  test('sees leases of any queue and ID, also more and longer ones than a part of the table has room for', async () => {
    begin();
    const ids = ['plain', 'ümläut'.repeat(30), '任务'.repeat(40), 'x'.repeat(5_000), '', 'e', 'f', 'g', 'h'];
    for (const id of ids) hold(aLease(id));
    await lively(LEASE_MS / 4);
    expect(renewals().map(({ ids: found }) => found)).toEqual([[...ids].sort()]);
  });

  test('keeps the leases of a main thread that hangs, and says that it does', async () => {
    begin();
    hold(aLease('a'));
    await lively(1_000);
    expect(stage()).toBe(HEALTHY);
    await clock.advance(1_500);
    expect(stage()).toBe(HEALTHY);
    await clock.advance(1_000);
    expect(stage()).toBe(DEGRADED);
    await clock.advance(20_000);
    expect(renewals().length).toBeGreaterThanOrEqual(14);
    expect(releases()).toEqual([]);
    await lively(500);
    expect(stage()).toBe(HEALTHY);
    expect(table.lost(clock.monotonicMs())).toEqual([]);
  });

  test('gives the leases up, once, when it hangs for too long, and renews them no more', async () => {
    begin();
    const [a, b] = [hold(aLease('a')), hold(aLease('b'))];
    await clock.advance(MAX_STALL_MS - 1_000);
    expect(releases()).toEqual([]);
    await clock.advance(2_000);
    expect(releases()).toEqual([{ ids: ['a', 'b'], lengthMs: 0 }]);
    expect(stage()).toBe(RELEASED);
    expect(table.lost(clock.monotonicMs())).toEqual([a, b]);
    expect(notes).toContainEqual({
      kind: 'released',
      leases: 2,
      stallMs: expect.any(Number),
      atMs: expect.any(Number),
    });
    const before = calls.length;
    await clock.advance(2 * MAX_STALL_MS);
    expect(calls).toHaveLength(before);
    expect(stops).toEqual([]);
    [a, b].forEach((lease) => table.release(lease));
    hold(aLease('c'));
    await lively(LEASE_MS);
    expect(stage()).toBe(HEALTHY);
    expect(calls.slice(before).every(({ ids, lengthMs }) => ids[0] === 'c' && lengthMs > 0)).toBe(true);
  });

  test('ends the process after that where somebody starts it again', async () => {
    begin(true);
    hold(aLease('a'));
    await clock.advance(MAX_STALL_MS + 1_000);
    expect(releases()).toHaveLength(1);
    expect(stops).toEqual([expect.stringMatching(/^its main thread has hung for 30 s; .* q\/a$/)]);
  });

  test('ends the process as well when its attempts were over long before that', async () => {
    begin(true);
    hold(aLease('a'), clock.monotonicMs() + 5_000);
    await clock.advance(MAX_STALL_MS - 1_000);
    expect(releases()).toEqual([{ ids: ['a'], lengthMs: 0 }]);
    expect(stops).toEqual([]);
    await clock.advance(2_000);
    expect(stops).toEqual(['its main thread has hung for 30 s; none of its tasks is left']);
  });

  test('does not take a process that was stopped as a whole for one whose main thread hangs', async () => {
    begin(true);
    hold(aLease('a'));
    await lively(1_000);
    clock.skip(10 * MAX_STALL_MS);
    await clock.advance(1_000);
    expect(stage()).toBe(HEALTHY);
    expect(calls.filter(({ lengthMs }) => lengthMs === 0)).toEqual([]);
    expect(stops).toEqual([]);
  });

  test('owes nothing to a main thread that holds nothing, however long it is silent', async () => {
    begin(true);
    await clock.advance(10 * MAX_STALL_MS);
    tick();
    hold(aLease('a'));
    await lively(2_000);
    expect(stage()).toBe(HEALTHY);
    expect(stops).toEqual([]);
  });

  test('keeps the lease of an attempt that should be over no longer than that, while nobody can end it', async () => {
    begin();
    const late = hold(aLease('late'), clock.monotonicMs() + 5_000);
    hold(aLease('other'));
    await clock.advance(8_000);
    expect(releases()).toEqual([{ ids: ['late'], lengthMs: 0 }]);
    expect(table.lost(clock.monotonicMs())).toEqual([late]);
    expect(renewals().at(-1)?.ids).toEqual(['other']);
  });

  test('an answer about an earlier lease of a slot does not touch the next one', async () => {
    let answer: (renewed: boolean[]) => void = () => {};
    begin();
    renewer.stop();
    renewer = createRenewer({
      clock,
      extend: () => new Promise<boolean[]>((resolve) => (answer = resolve)),
      note() {},
      watches: true,
      failStop() {},
    });
    renewer.add(1, { leaseMs: LEASE_MS, maxStallMs: MAX_STALL_MS, failStop: false }, head);
    table = new LeaseTable(1, (chunk) => renewer.addChunk(1, chunk));
    renewer.start();
    const first = hold(aLease('a'));
    await lively(LEASE_MS / 4 + 500);
    table.release(first);
    hold(aLease('b'));
    answer([false]);
    await settle();
    expect(table.lost(clock.monotonicMs())).toEqual([]);
  });
});
