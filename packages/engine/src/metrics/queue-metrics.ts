import type { Broker } from '../broker/broker.ts';
import type { QueueFacts } from '../broker/inspect.ts';
import { checkBroker } from '../checks/values.ts';
import { expositionOf, type MetricFamily, type Sample } from './exposition.ts';

/** What the metrics of a queue are made of. */
interface MeasuredQueue {
  readonly facts: QueueFacts;
  /** Bytes. */
  readonly memoryUsage: number;
}

interface Family extends Omit<MetricFamily, 'samples'> {
  /** The samples of one queue, without the label `queue`, which is added to each. */
  samplesOf(queue: MeasuredQueue): readonly Sample[];
}

const singleSample = (value: number): readonly Sample[] => [{ labels: {}, value }];

/** Counts by Asynq's states. It has no state `cancelled`: those tasks are counted as completed. */
function countsOf({ counts }: QueueFacts): Record<string, number> {
  const { cancelled, completed, aggregating: _, ...others } = counts;
  return { ...others, completed: completed + cancelled };
}

const sizeOf = ({ counts }: QueueFacts): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** The metrics of Asynq's exporter. See docs/design/protocol.md#metrics. */
const FAMILIES: readonly Family[] = [
  {
    name: 'asynq_tasks_enqueued_total',
    type: 'gauge',
    help: 'Tasks in a queue by state, except tasks that wait in groups.',
    samplesOf: ({ facts }) =>
      Object.entries(countsOf(facts)).map(([state, value]) => ({ labels: { state }, value })),
  },
  {
    name: 'asynq_queue_size',
    type: 'gauge',
    help: 'Tasks in a queue, in all states.',
    samplesOf: ({ facts }) => singleSample(sizeOf(facts)),
  },
  {
    name: 'asynq_queue_latency_seconds',
    type: 'gauge',
    help: 'Age of the pending task that is next to run; 0 if there is none.',
    samplesOf: ({ facts }) => singleSample((facts.oldestPendingMs ?? 0) / 1_000),
  },
  {
    name: 'task_center_tasks_aggregating',
    type: 'gauge',
    help: 'Tasks that wait in groups, or are being aggregated.',
    samplesOf: ({ facts }) => singleSample(facts.counts.aggregating),
  },
  {
    name: 'task_center_oldest_aggregating_seconds',
    type: 'gauge',
    help: 'How long ago the first task joined a group that it has not left; 0 if there is none.',
    samplesOf: ({ facts }) => singleSample((facts.oldestAggregatingMs ?? 0) / 1_000),
  },
  {
    name: 'asynq_queue_memory_usage_approx_bytes',
    type: 'gauge',
    help: 'Memory or disk space that the tasks of a queue use in the broker, estimated from a sample.',
    samplesOf: ({ memoryUsage }) => singleSample(memoryUsage),
  },
  {
    name: 'asynq_tasks_processed_total',
    type: 'counter',
    help: 'Attempts that succeeded or failed.',
    samplesOf: ({ facts }) => singleSample(facts.processed),
  },
  {
    name: 'asynq_tasks_failed_total',
    type: 'counter',
    help: 'Attempts that failed.',
    samplesOf: ({ facts }) => singleSample(facts.failed),
  },
  {
    name: 'asynq_queue_paused_total',
    type: 'gauge',
    help: '1 if the queue is paused, otherwise 0.',
    samplesOf: ({ facts }) => singleSample(facts.paused ? 1 : 0),
  },
];

/** Queues measured at the same time. The memory usage of each is a call of its own. */
const MAX_CONCURRENT_QUEUES = 16;

async function measure({ inspect }: Broker): Promise<MeasuredQueue[]> {
  const queues = await inspect.queues();
  const measured: MeasuredQueue[] = [];
  for (let from = 0; from < queues.length; from += MAX_CONCURRENT_QUEUES) {
    const page = queues.slice(from, from + MAX_CONCURRENT_QUEUES);
    const [facts, memory] = await Promise.all([
      inspect.queueFacts(page),
      Promise.all(page.map((queue) => inspect.memoryUsage(queue))),
    ]);
    for (const [index, queueFacts] of facts.entries())
      measured.push({ facts: queueFacts, memoryUsage: memory[index] ?? 0 });
  }
  return measured;
}

/**
 * Metrics of all queues, read from the broker at each call. Names, labels and values are those of Asynq's exporter, whose
 * dashboards and alerts keep working; those of groups are ours. Serve `text()` to Prometheus with `contentType`, or register `families()` with a
 * metrics library.
 */
export class QueueMetrics {
  /** HTTP content type of `text()`. */
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';
  readonly #broker: Broker;

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker) {
    checkBroker(broker, 'inspect');
    this.#broker = broker;
  }

  /**
   * The metrics of all queues. If a queue cannot be measured the call fails.
   *
   * @throws TaskCenterError `broker-unavailable`
   */
  async families(): Promise<MetricFamily[]> {
    const queues = await measure(this.#broker);
    return FAMILIES.map(({ samplesOf, ...family }) => ({
      ...family,
      samples: queues.flatMap((queue) =>
        samplesOf(queue).map(({ labels, value }) => ({
          labels: { queue: queue.facts.queue, ...labels },
          value,
        })),
      ),
    }));
  }

  /** In Prometheus' text format. @throws TaskCenterError `broker-unavailable` */
  async text(): Promise<string> {
    return expositionOf(await this.families());
  }
}
