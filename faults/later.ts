/** An experiment of the fault matrix that has no test yet. */
export interface Later {
  readonly id: string;
  readonly title: string;
  /** Why it has no test. */
  readonly why: string;
}

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
  { id: 'X7', title: 'an aggregator crashes at each phase', why: MEMBERS },
  { id: 'X12', title: 'slow consumer of live events', why: 'there is no stream of live events yet' },
  { id: 'U4', title: 'rolling upgrade, two versions of the scripts', why: 'there is one version so far' },
];
