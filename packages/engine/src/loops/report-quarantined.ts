import type { Quarantined, Step } from '../broker/maintain.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Tells of what steps have dropped or set aside. */
export function reportQuarantined(
  { events, log }: Runtime,
  steps: readonly Step[],
  results: readonly Quarantined[],
): void {
  results.forEach(({ quarantined: ids }, i) => {
    if (ids === undefined) return;
    const queue = steps[i]?.queue ?? '';
    log.error({ queue, task_ids: ids }, 'tasks that nobody can read were set aside');
    events.emit('tasks.quarantined', { queue, ids });
  });
}
