import type { Broker } from '../broker/broker.ts';
import type { QueueFacts } from '../broker/inspect.ts';
import { createClaimedLoop } from '../leases/claimed-loop.ts';
import { mapBounded } from '../runtime/map-bounded.ts';
import { poll, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { brokerTimeMs, readFacts } from './broker-calls.ts';
import { readFigures, writeFigures, type ScheduleFigures } from './stored-figures.ts';

/** Names the claim: one instance at a time renews the figures. */
const CLAIM = 'figures';
/** Figures are renewed this often. */
const RENEW_MS = 60_000;
/** A queue whose counts stay the same is measured again after this time: a payload may have been edited. */
const MEASURE_AGAIN_MS = 10 * RENEW_MS;
/** Queues measured at once. Each is a call of its own that looks at some tasks. */
const MEASURED_AT_ONCE = 4;

/** A queue's size when it was measured. */
interface Measured {
  /** What was in the queue then. */
  readonly seen: string;
  readonly bytes: number;
  /** Monotonic. */
  readonly atMs: number;
}

export interface FigureRenewerDeps {
  readonly broker: Pick<Broker, 'claims' | 'documents' | 'inspect' | 'schedules'>;
  readonly runtime: Runtime;
}

const seenIn = ({ counts, processed, failed }: QueueFacts): string =>
  [...Object.values(counts), processed, failed].join(' ');

const hasNoTasks = ({ counts }: QueueFacts): boolean => Object.values(counts).every((count) => count === 0);

/** Measures queues in which something has happened. Of the others it knows the size, or that they are empty. */
class QueueSizes {
  readonly #deps: FigureRenewerDeps;
  #measured = new Map<string, Measured>();

  constructor(deps: FigureRenewerDeps) {
    this.#deps = deps;
  }

  /** @param withSchedules queues that have schedules: these take up room although they have no tasks */
  async measure(
    all: readonly QueueFacts[],
    withSchedules: ReadonlySet<string>,
    isHeld: () => boolean,
  ): Promise<Map<string, number>> {
    const { inspect } = this.#deps.broker;
    const nowMs = this.#deps.runtime.clock.monotonicMs();
    const measured = new Map<string, Measured>();
    await mapBounded(all, MEASURED_AT_ONCE, async (facts) => {
      const { queue } = facts;
      const known = this.#measured.get(queue);
      const seen = seenIn(facts);
      if (known?.seen === seen && nowMs - known.atMs < MEASURE_AGAIN_MS) measured.set(queue, known);
      else if (hasNoTasks(facts) && !withSchedules.has(queue))
        measured.set(queue, { seen, bytes: 0, atMs: nowMs });
      else if (isHeld()) measured.set(queue, { seen, bytes: await inspect.memoryUsage(queue), atMs: nowMs });
    });
    this.#measured = measured;
    return new Map([...measured].map(([queue, { bytes }]) => [queue, bytes]));
  }
}

async function countByState(
  { broker: { schedules } }: FigureRenewerDeps,
  queues: readonly string[],
): Promise<ScheduleFigures> {
  const counts = queues.length === 0 ? [] : await schedules.counts(queues, null);
  const sum = (of: (one: (typeof counts)[number]) => number) => counts.reduce((all, one) => all + of(one), 0);
  return {
    active: sum(({ all, paused }) => all - paused),
    paused: sum(({ paused }) => paused),
    failing: sum(({ failing }) => failing),
    late: sum(({ late }) => late),
  };
}

/**
 * Renews what is too dear to be read for each who asks: how much room the tasks of each queue take, which needs a look at some of them,
 * and how many schedules there are. One instance at a time does it, once a minute; all others read what it has stored.
 */
export function createFigureRenewer(deps: FigureRenewerDeps): Loop {
  const { broker, runtime } = deps;
  const sizes = new QueueSizes(deps);
  return createClaimedLoop({
    name: 'figures',
    claims: broker.claims,
    claim: CLAIM,
    runtime,
    failureMs: RENEW_MS,
    async step(held) {
      const nowMs = await brokerTimeMs(broker);
      // Another instance may have renewed them just before this one got the claim.
      const ageMs = nowMs - ((await readFigures(broker.documents))?.atMs ?? -Infinity);
      if (ageMs >= 0 && ageMs < RENEW_MS) return poll(RENEW_MS - ageMs);
      const facts = await readFacts(broker);
      const names = facts.map(({ queue }) => queue);
      const scheduled = names.length === 0 ? [] : await broker.schedules.queuesWithSchedules(names);
      const schedules = await countByState(deps, scheduled);
      const memory = await sizes.measure(facts, new Set(scheduled), () => held.isHeld());
      if (held.isHeld()) await writeFigures(broker.documents, { atMs: nowMs, memory, schedules });
      return poll(RENEW_MS);
    },
  });
}
