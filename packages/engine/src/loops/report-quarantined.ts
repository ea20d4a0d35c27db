import type { Quarantined, Step } from '../broker/maintain.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Logs and emits what steps met instead of tasks. */
export function reportQuarantined(
  { events, log }: Runtime,
  steps: readonly Step[],
  results: readonly Quarantined[],
): void {
  results.forEach(({ quarantined: ids }, i) => {
    if (ids === undefined) return;
    const queue = steps[i]?.queue ?? '';
    log.error({ queue, task_ids: ids }, 'unreadable tasks were archived, or IDs without a task were dropped');
    events.emit('tasks.quarantined', { queue, ids });
  });
}
