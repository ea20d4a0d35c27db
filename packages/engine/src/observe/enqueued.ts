import type { EnqueueOutcome, NewTask, Submit } from '../broker/submit.ts';
import type { EngineEvents, Events } from '../runtime/events.ts';

type QueueCounts = {
  -readonly [Name in keyof EngineEvents['tasks.enqueued']]: EngineEvents['tasks.enqueued'][Name];
};

/** What an outcome counts as. */
const COUNTED = {
  created: 'created',
  'durability-not-reached': 'created',
  'task-exists': 'existing',
  'duplicate-task': 'duplicate',
  'broker-corrupt': 'failed',
  failed: 'failed',
} as const satisfies Record<EnqueueOutcome['code'], keyof QueueCounts>;

/** The same tasks; the queue of each is added to `queues` when the broker reads it. */
function* notingQueues(tasks: Iterable<NewTask>, queues: string[]): Iterable<NewTask> {
  for (const task of tasks) {
    queues.push(task.queue);
    yield task;
  }
}

/** The counts of each queue. `outcomes`: undefined = the whole call has failed. */
function countByQueue(
  queues: readonly string[],
  outcomes: readonly EnqueueOutcome[] | undefined,
): QueueCounts[] {
  const byQueue = new Map<string, QueueCounts>();
  let counts: QueueCounts | undefined;
  for (const [i, queue] of queues.entries()) {
    // Most calls are about one queue.
    if (counts?.queue !== queue) {
      counts = byQueue.get(queue) ?? { queue, tasks: 0, created: 0, existing: 0, duplicate: 0, failed: 0 };
      byQueue.set(queue, counts);
    }
    counts.tasks += 1;
    counts[COUNTED[outcomes?.[i]?.code ?? 'failed']] += 1;
  }
  return [...byQueue.values()];
}

/**
 * The same facet, which emits `tasks.enqueued` for each queue of a call. The broker still reads the tasks one by one,
 * while the first of them are sent.
 */
export function countEnqueued(submit: Submit, events: Events): Submit {
  return {
    enqueue(tasks, options) {
      if (!events.has('tasks.enqueued')) return submit.enqueue(tasks, options);
      const queues: string[] = [];
      const tell = (outcomes?: readonly EnqueueOutcome[]) => {
        for (const counts of countByQueue(queues, outcomes)) events.emit('tasks.enqueued', counts);
      };
      return submit.enqueue(notingQueues(tasks, queues), options).then(
        (outcomes) => {
          tell(outcomes);
          return outcomes;
        },
        (error: unknown) => {
          tell();
          throw error;
        },
      );
    },
  };
}
