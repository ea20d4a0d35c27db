import type { Broker } from '../broker/broker.ts';
import type { BrokerFacts } from '../broker/findings.ts';
import type { QueueFacts } from '../broker/inspect.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import type { Clock } from '../runtime/clock.ts';
import { within } from '../runtime/within.ts';
import { brokerTimeMs, readFacts } from './broker-calls.ts';
import { readFigures, type StoredFigures } from './stored-figures.ts';

/** An answer of the broker is reused for this time: any number of scrapes are one. */
const REUSE_MS = 1_000;
/** A broker that has not answered by then counts as down. A scrape must end before Prometheus gives it up, after 10 s. */
const MAX_READ_MS = 4_000;

/** What metrics need of a broker. */
export type MeasuredBroker = Pick<
  Broker,
  'name' | 'inspect' | 'presence' | 'schedules' | 'documents' | 'findings'
>;

/** All figures of a broker at one time. */
export interface BrokerReading {
  /** In the order of their names. */
  readonly queues: readonly QueueFacts[];
  /** Live workers by stored queue. */
  readonly workers: ReadonlyMap<string, number>;
  /** How long the most overdue schedule has waited; 0 = none is overdue. */
  readonly overdueMs: number;
  /** How far its clock is ahead of ours. */
  readonly skewMs: number;
  /** Null = nobody has stored any yet. */
  readonly figures: StoredFigures | null;
  readonly facts: BrokerFacts;
}

async function countWorkers({ presence }: MeasuredBroker): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { queues } of await presence.servers({ withTasks: false }))
    for (const queue of Object.keys(queues)) counts.set(queue, (counts.get(queue) ?? 0) + 1);
  return counts;
}

/** The time by the broker's clock, and how far it is ahead of ours: what it said lies between call and answer. */
async function readTime(broker: MeasuredBroker, clock: Clock): Promise<{ nowMs: number; skewMs: number }> {
  const askedMs = clock.wallMs();
  const nowMs = await brokerTimeMs(broker);
  return { nowMs, skewMs: nowMs - (askedMs + clock.wallMs()) / 2 };
}

async function readBroker(broker: MeasuredBroker, clock: Clock): Promise<BrokerReading> {
  const [queues, workers, { nowMs, skewMs }, figures] = await Promise.all([
    readFacts(broker),
    countWorkers(broker),
    readTime(broker, clock),
    readFigures(broker.documents),
  ]);
  const span = { fromMs: 0, toMs: nowMs };
  const names = queues.map(({ queue }) => queue);
  const [overdue] = await broker.schedules.upcoming(names, { span, limit: 1 });
  const overdueMs = overdue === undefined ? 0 : nowMs - overdue.nextFireMs;
  return { queues, workers, overdueMs, skewMs, figures, facts: broker.findings.facts() };
}

/** Reads the figures of a broker, for any number of callers at once. */
export class BrokerReader {
  readonly #broker: MeasuredBroker;
  readonly #clock: Clock;
  #reading: Promise<BrokerReading> | undefined;
  #untilMs = -Infinity;

  constructor(broker: MeasuredBroker, clock: Clock) {
    this.#broker = broker;
    this.#clock = clock;
  }

  /** @throws TaskCenterError as any call of a broker; `broker-unavailable` if it does not answer within 4 s */
  read(): Promise<BrokerReading> {
    if (this.#reading === undefined || this.#clock.monotonicMs() >= this.#untilMs) {
      this.#reading = this.#readInTime();
      this.#untilMs = Infinity;
      // From the answer on: while one is waited for there is no second.
      const end = () => (this.#untilMs = this.#clock.monotonicMs() + REUSE_MS);
      this.#reading.then(end, end);
    }
    return this.#reading;
  }

  async #readInTime(): Promise<BrokerReading> {
    const reading = await within(this.#clock, MAX_READ_MS, () => readBroker(this.#broker, this.#clock));
    if (reading !== undefined) return reading;
    throw new TaskCenterError('broker-unavailable', {
      broker: this.#broker.name,
      outcome: 'not_stored',
      cause: `no answer within ${MAX_READ_MS / 1_000} s`,
    });
  }
}
