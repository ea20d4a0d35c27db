import { nextEvent, nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { until, type Bed } from './bed.ts';
import type { GoPeer } from './go-peer.ts';

const HOUR_MS = 3_600_000;
const KEPT_STATES = ['pending', 'active', 'scheduled', 'retry', 'archived', 'completed'] as const;

export const GO_STATES = [...KEPT_STATES, 'aggregating'] as const;
/** With `cancelled`, which Go shows as completed. */
export const OUR_STATES = [...KEPT_STATES, 'aggregating', 'cancelled'] as const;

/** Stores a task of Go in each state. Its ID and type are the name of the state. */
export async function goInAllStates(go: GoPeer, queue: string): Promise<void> {
  const put = (taskId: string, more = {}) => go.enqueue({ queue, taskId, type: taskId, ...more });
  await put('completed', { retentionMs: HOUR_MS });
  await put('retry');
  await put('archived', { maxRetry: 0 });
  await put('active');
  await put('aggregating', { group: 'g' });
  const behaviours = { retry: { do: 'fail' }, archived: { do: 'fail' }, active: { do: 'block' } } as const;
  await go.serve({ queues: { [queue]: 1 }, behaviours, concurrency: 10 });
  await go.saw('started', 'active');
  for (const state of ['completed', 'retry', 'archived']) {
    await until(async () => (await go.task(queue, state)).state === state);
  }
  await go.quiet();
  await put('scheduled', { processInMs: HOUR_MS });
  await put('pending');
}

/** Stores a task of ours in each state. Its ID and type are the name of the state. The queue is paused in the end. */
export async function oursInAllStates(bed: Bed, queue: string): Promise<void> {
  const { worker, events } = bed.worker({ queues: [queue], shutdownTimeout: 10 });
  const put = (id: string, more = {}) => bed.client.enqueue(id, null, { queue, id, ...more });
  const fail = () => Promise.reject(new Error('no'));
  worker
    .handle('completed', () => {})
    .handle('retry', fail)
    .handle('archived', fail)
    .handle('active', () => new Promise(() => {}));
  const ends = nextEvents(events, 'attempt.finished', 3);
  const started = nextEvent(events, 'attempt.started', ({ type }) => type === 'active');
  await worker.start();
  await put('completed', { retention: '1h' });
  await put('retry', { backoff: { kind: 'fixed', delay: HOUR_MS, jitter: 0 } });
  await put('archived', { maxRetries: 0 });
  await put('active');
  await Promise.all([started, ends]);
  await bed.broker.control.pause(queue);
  await put('scheduled', { delay: '1h' });
  await put('pending');
  await put('aggregating', { group: 'g' });
  await put('cancelled');
  await bed.broker.control.cancel({ queue, id: 'cancelled' }, {});
}
