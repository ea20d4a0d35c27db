/** Experiments of the fault matrix that have no test yet, and why. */
export interface Later {
  readonly id: string;
  readonly title: string;
  readonly why: string;
}

const SCHEDULES = 'schedules and their ledger (design D7) are not built yet';
const MEMBERS = 'what becomes of the members of a group has no invariant here yet';

export const LATER: readonly Later[] = [
  { id: 'W10', title: 'sandboxed child killed', why: 'there are no sandboxed children yet' },
  {
    id: 'N7',
    title: 'cancel while the subscriber is down',
    why: 'durable cancellation (design D8) is not built yet',
  },
  {
    id: 'H10',
    title: 'WAIT on another connection than the write',
    why: 'no fault: packages/engine/test/brokers/redis/durability.test.ts shows, with a replica that stands still, that they share one',
  },
  {
    id: 'R10',
    title: 'wrong eviction policy',
    why: 'nothing looks at the policy of Redis yet, and the books of a queue of which keys were evicted cannot be judged',
  },
  {
    id: 'T3',
    title: 'the clock of the Redis host jumps',
    why: 'redis-server with jemalloc hangs at its start under libfaketime; it needs a build without',
  },
  { id: 'T4', title: 'skew of ±5 s among schedulers', why: SCHEDULES },
  { id: 'C1', title: '8 schedulers, one fire each second, 5 min', why: SCHEDULES },
  { id: 'C2', title: 'kill or stop a random scheduler every 3 s', why: SCHEDULES },
  { id: 'C3', title: 'a scheduler stopped across a fire', why: SCHEDULES },
  { id: 'C4', title: 'the broker down across 10 fires', why: SCHEDULES },
  { id: 'C5', title: 'daylight saving, all zones', why: SCHEDULES },
  { id: 'C6', title: 'schedulers off for 3 days', why: SCHEDULES },
  { id: 'C7', title: 'impossible specifications', why: SCHEDULES },
  { id: 'C8', title: 'an entry edited or removed while it fires', why: SCHEDULES },
  { id: 'C9', title: 'the fire before is archived or retained', why: SCHEDULES },
  { id: 'X7', title: 'an aggregator crashes at each phase', why: MEMBERS },
  { id: 'X12', title: 'slow consumer of live events', why: 'there is no stream of live events yet' },
  { id: 'U4', title: 'rolling upgrade, two versions of the scripts', why: 'there is one version so far' },
];
