import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Lease } from '../broker/consume.ts';
import type { RenewalReport } from '../broker/lease-renewal.ts';
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
import { LeaseTable, type TrackedLease } from './lease-table.ts';
import { Renewer } from './renewer.ts';

const LEASE_MS = 6_000;
const MAX_STALL_MS = 30_000;

/** What the renewer thread sees of the main thread and its leases, and what it does about them. */
describe('a renewer', () => {
  let clock: FakeClock;
  let renewer: Renewer;
  let controlBlock: ControlBlock;
  let table: LeaseTable<TrackedLease>;
  /** Calls to the broker. */
  let calls: { ids: string[]; lengthMs: number }[];
  let reports: RenewalReport[];
  let stops: string[];

  const aLease = (id: string, queue = 'q'): TrackedLease => {
    const task: Lease = { queue, id, token: 7 };
    return { task, slot: undefined, generation: 0, position: -1 };
  };
  const hold = (lease: TrackedLease, deadlineMs = Infinity) => {
    table.track(lease, clock.monotonicMs() + LEASE_MS - 500);
    table.begin(lease, deadlineMs, clock.monotonicMs());
    return lease;
  };
  const giveSignOfLife = () => (controlBlock.times[MAIN_ALIVE_MS] = clock.monotonicMs());
  const health = () => Atomics.load(controlBlock.words, HEALTH);
  const renewals = () => calls.filter(({ lengthMs }) => lengthMs > 0);
  const releases = () => calls.filter(({ lengthMs }) => lengthMs === 0);

  function begin(failStop = false): void {
    renewer = new Renewer({
      clock,
      extend(leases, lengthMs) {
        calls.push({ ids: leases.map(({ id }) => id).sort(), lengthMs });
        return Promise.resolve(leases.map(() => true));
      },
      report: (_, report) => void reports.push(report),
      watchesMainThread: true,
      failStop: (reason) => void stops.push(reason),
    });
    renewer.add(1, { leaseMs: LEASE_MS, maxStallMs: MAX_STALL_MS, failStop }, controlBlock);
    table = new LeaseTable(4, (chunk) => renewer.addChunk(1, chunk));
    giveSignOfLife();
    renewer.start();
  }

  beforeEach(() => {
    clock = createFakeClock();
    controlBlock = controlBlockOf();
    calls = [];
    reports = [];
    stops = [];
  });
  afterEach(() => renewer.stop());

  /** Lets time pass while the main thread gives signs of life. */
  async function lively(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      giveSignOfLife();
      await clock.advance(100);
    }
  }

  test('renews the leases of all workers of a process in one call per queue', async () => {
    begin();
    const other = controlBlockOf();
    renewer.add(2, { leaseMs: LEASE_MS, maxStallMs: MAX_STALL_MS, failStop: false }, other);
    const others = new LeaseTable<TrackedLease>(4, (chunk) => renewer.addChunk(2, chunk));
    hold(aLease('a'));
    hold(aLease('b', 'r'));
    others.track(aLease('c'), clock.monotonicMs() + 5_500);
    await clock.advance(LEASE_MS / 4);
    expect(calls.map(({ ids }) => ids.join()).sort()).toEqual(['a,c', 'b']);
  });

  test('reports the time between renewals, but not across times without leases', async () => {
    begin();
    const gaps = () => reports.flatMap((report) => (report.kind === 'renewed' ? [report.gapMs] : []));
    const a = hold(aLease('a'));
    await lively(LEASE_MS / 2);
    expect(gaps()).toEqual([0, LEASE_MS / 4]);
    table.release(a);
    await lively(LEASE_MS);
    hold(aLease('b'));
    await lively(LEASE_MS / 2);
    expect(gaps()).toEqual([0, LEASE_MS / 4, 0, LEASE_MS / 4]);
  });

  test('sees leases with any queue and ID, also when they outgrow a chunk of the table', async () => {
    begin();
    const ids = ['plain', 'ümläut'.repeat(30), '任务'.repeat(40), 'x'.repeat(5_000), '', 'e', 'f', 'g', 'h'];
    for (const id of ids) hold(aLease(id));
    await lively(LEASE_MS / 4);
    expect(renewals().map(({ ids: found }) => found)).toEqual([[...ids].sort()]);
  });

  test('renews the leases of a hung main thread and marks it as degraded', async () => {
    begin();
    hold(aLease('a'));
    await lively(1_000);
    expect(health()).toBe(HEALTHY);
    await clock.advance(1_500);
    expect(health()).toBe(HEALTHY);
    await clock.advance(1_000);
    expect(health()).toBe(DEGRADED);
    await clock.advance(20_000);
    expect(renewals().length).toBeGreaterThanOrEqual(14);
    expect(releases()).toEqual([]);
    await lively(500);
    expect(health()).toBe(HEALTHY);
    expect(table.findLost(clock.monotonicMs())).toEqual([]);
  });

  test('gives the leases of a main thread up, once, after it has hung for maxStallMs', async () => {
    begin();
    const [a, b] = [hold(aLease('a')), hold(aLease('b'))];
    await clock.advance(MAX_STALL_MS - 1_000);
    expect(releases()).toEqual([]);
    await clock.advance(2_000);
    expect(releases()).toEqual([{ ids: ['a', 'b'], lengthMs: 0 }]);
    expect(health()).toBe(RELEASED);
    expect(table.findLost(clock.monotonicMs())).toEqual([a, b]);
    expect(reports).toContainEqual({
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
    expect(health()).toBe(HEALTHY);
    expect(calls.slice(before).every(({ ids, lengthMs }) => ids[0] === 'c' && lengthMs > 0)).toBe(true);
  });

  test('ends the process after giving its leases up, where failStop is set', async () => {
    begin(true);
    hold(aLease('a'));
    await clock.advance(MAX_STALL_MS + 1_000);
    expect(releases()).toHaveLength(1);
    expect(stops).toEqual([expect.stringMatching(/^its event loop was blocked for 30 s; .* q\/a$/)]);
  });

  test('ends the process also when its last lease ended during the stall', async () => {
    begin(true);
    hold(aLease('a'), clock.monotonicMs() + 5_000);
    await clock.advance(MAX_STALL_MS - 1_000);
    expect(releases()).toEqual([{ ids: ['a'], lengthMs: 0 }]);
    expect(stops).toEqual([]);
    await clock.advance(2_000);
    expect(stops).toEqual(['its event loop was blocked for 30 s; it holds no task any more']);
  });

  test('does not take a process that was stopped as a whole for a hung one', async () => {
    begin(true);
    hold(aLease('a'));
    await lively(1_000);
    clock.skip(10 * MAX_STALL_MS);
    await clock.advance(1_000);
    expect(health()).toBe(HEALTHY);
    expect(calls.filter(({ lengthMs }) => lengthMs === 0)).toEqual([]);
    expect(stops).toEqual([]);
  });

  test('ignores a silent main thread that holds no lease', async () => {
    begin(true);
    await clock.advance(10 * MAX_STALL_MS);
    giveSignOfLife();
    hold(aLease('a'));
    await lively(2_000);
    expect(health()).toBe(HEALTHY);
    expect(stops).toEqual([]);
  });

  test('gives up the lease of an attempt whose deadline passes while the main thread hangs', async () => {
    begin();
    const late = hold(aLease('late'), clock.monotonicMs() + 5_000);
    hold(aLease('other'));
    await clock.advance(8_000);
    expect(releases()).toEqual([{ ids: ['late'], lengthMs: 0 }]);
    expect(table.findLost(clock.monotonicMs())).toEqual([late]);
    expect(renewals().at(-1)?.ids).toEqual(['other']);
  });

  test('ignores an answer about an earlier lease of a slot', async () => {
    let answer: (renewed: boolean[]) => void = () => {};
    begin();
    renewer.stop();
    renewer = new Renewer({
      clock,
      extend: () => new Promise<boolean[]>((resolve) => (answer = resolve)),
      report() {},
      watchesMainThread: true,
      failStop() {},
    });
    renewer.add(1, { leaseMs: LEASE_MS, maxStallMs: MAX_STALL_MS, failStop: false }, controlBlock);
    table = new LeaseTable(1, (chunk) => renewer.addChunk(1, chunk));
    renewer.start();
    const first = hold(aLease('a'));
    await lively(LEASE_MS / 4 + 500);
    table.release(first);
    hold(aLease('b'));
    answer([false]);
    await settle();
    expect(table.findLost(clock.monotonicMs())).toEqual([]);
  });
});
