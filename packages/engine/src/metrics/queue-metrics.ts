import type { Broker } from '../broker/broker.ts';
import type { QueueFacts } from '../broker/inspect.ts';
import { expositionOf, type MetricFamily, type Sample } from './exposition.ts';

/** A queue as the metrics show it. */
interface Measured {
  readonly facts: QueueFacts;
  readonly memoryUsage: number;
}

interface Family extends Omit<MetricFamily, 'samples'> {
  /** What it says of one queue; the label `queue` is added. */
  of(queue: Measured): readonly Sample[];
}

const single = (value: number): readonly Sample[] => [{ labels: {}, value }];

/** In Asynq's words: cancelled tasks, which it does not know, stand among its completed ones. */
function countsOf({ counts }: QueueFacts): Record<string, number> {
  const { cancelled, completed, aggregating: _, ...others } = counts;
  return { ...others, completed: completed + cancelled };
}

const sizeOf = ({ counts }: QueueFacts): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** As Asynq's exporter (protocol, appendix C). */
const FAMILIES: readonly Family[] = [
  {
    name: 'asynq_tasks_enqueued_total',
    type: 'gauge',
    help: 'Tasks in a queue by state; tasks that wait in groups are not among them.',
    of: ({ facts }) =>
      Object.entries(countsOf(facts)).map(([state, value]) => ({ labels: { state }, value })),
  },
  {
    name: 'asynq_queue_size',
    type: 'gauge',
    help: 'Tasks in a queue, in all states.',
    of: ({ facts }) => single(sizeOf(facts)),
  },
  {
    name: 'asynq_queue_latency_seconds',
    type: 'gauge',
    help: 'Age of the pending task that is next to run; 0 when none waits.',
    of: ({ facts }) => single((facts.oldestPendingMs ?? 0) / 1_000),
  },
  {
    name: 'asynq_queue_memory_usage_approx_bytes',
    type: 'gauge',
    help: 'What the tasks of a queue take in the broker, estimated from a few of them.',
    of: ({ memoryUsage }) => single(memoryUsage),
  },
  {
    name: 'asynq_tasks_processed_total',
    type: 'counter',
    help: 'Attempts that succeeded or failed.',
    of: ({ facts }) => single(facts.processed),
  },
  {
    name: 'asynq_tasks_failed_total',
    type: 'counter',
    help: 'Attempts that failed.',
    of: ({ facts }) => single(facts.failed),
  },
  {
    name: 'asynq_queue_paused_total',
    type: 'gauge',
    help: '1 for a queue that is paused, else 0.',
    of: ({ facts }) => single(facts.paused ? 1 : 0),
  },
];

/** Queues measured at the same time: the memory of each is sampled. */
const AT_ONCE = 16;

async function measure({ inspect }: Broker): Promise<Measured[]> {
  const queues = await inspect.queues();
  const all: Measured[] = [];
  for (let from = 0; from < queues.length; from += AT_ONCE) {
    const some = queues.slice(from, from + AT_ONCE);
    const [facts, memory] = await Promise.all([
      inspect.queueFacts(some),
      Promise.all(some.map((queue) => inspect.memoryUsage(queue))),
    ]);
    facts.forEach((one, i) => all.push({ facts: one, memoryUsage: memory[i] ?? 0 }));
  }
  return all;
}

/**
 * Metrics of all queues, read when they are asked for: names, labels and values as those of Asynq's exporter, so that its
 * dashboards and alerts go on. Give `text()` to Prometheus with `contentType`, or register `families()` with a library.
 */
export class QueueMetrics {
  /** Of `text()`. */
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** @throws TaskCenterError `broker-unavailable`: all queues are measured, or none. */
  async families(): Promise<MetricFamily[]> {
    const queues = await measure(this.#broker);
    return FAMILIES.map(({ of, ...family }) => ({
      ...family,
      samples: queues.flatMap((queue) =>
        of(queue).map(({ labels, value }) => ({ labels: { queue: queue.facts.queue, ...labels }, value })),
      ),
    }));
  }

  /** In Prometheus' text format. @throws TaskCenterError `broker-unavailable` */
  async text(): Promise<string> {
    return expositionOf(await this.families());
  }
}
