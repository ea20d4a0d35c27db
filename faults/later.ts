/** An experiment of the fault matrix that has no test yet. */
export interface Later {
  readonly id: string;
  readonly title: string;
  /** Why it has no test. */
  readonly why: string;
}

const SCHEDULES = 'schedules are not built yet';
const MEMBERS = 'the checker has no invariant for the members of a group yet';

export const LATER: readonly Later[] = [
  { id: 'W10', title: 'sandboxed child killed', why: 'there are no sandboxed children yet' },
  {
    id: 'H10',
    title: 'WAIT on another connection than the write',
    why: 'needs no fault: packages/engine/test/brokers/redis/durability.test.ts shows with a paused replica that both use one connection',
  },
  {
    id: 'T3',
    title: 'the clock of the Redis host jumps',
    why: 'redis-server with jemalloc hangs at startup under libfaketime; a build without jemalloc is needed',
  },
  { id: 'T4', title: 'skew of ±5 s among schedulers', why: SCHEDULES },
  { id: 'C1', title: '8 schedulers, one fire each second, 5 min', why: SCHEDULES },
  { id: 'C2', title: 'kill or stop a random scheduler every 3 s', why: SCHEDULES },
  { id: 'C3', title: 'a scheduler is stopped while an entry should fire', why: SCHEDULES },
  { id: 'C4', title: 'the broker is down while an entry should fire 10 times', why: SCHEDULES },
  {
    id: 'C5',
    title: 'daylight saving, all zones',
    why: 'needs no fault: packages/model/test/clock-rules.long.ts compares the rule, minute by minute, around every change of every zone',
  },
  { id: 'C6', title: 'schedulers off for 3 days', why: SCHEDULES },
  {
    id: 'C7',
    title: 'impossible specifications',
    why: 'needs no fault: packages/model/src/cron/cron.test.ts shows that they are refused when they are registered',
  },
  { id: 'C8', title: 'an entry edited or removed while it fires', why: SCHEDULES },
  { id: 'C9', title: 'the task of the previous fire is archived or retained', why: SCHEDULES },
  { id: 'X7', title: 'an aggregator crashes at each phase', why: MEMBERS },
  { id: 'X12', title: 'slow consumer of live events', why: 'there is no stream of live events yet' },
  { id: 'U4', title: 'rolling upgrade, two versions of the scripts', why: 'there is one version so far' },
];
