import type { Quarantined, Step } from '../broker/maintain.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Logs and emits what was met in a queue instead of tasks. */
export function reportQuarantined({ events, log }: Runtime, queue: string, ids: readonly string[]): void {
  log.error({ queue, task_ids: ids }, 'unreadable tasks were archived, or IDs without a task were dropped');
  events.emit('tasks.quarantined', { queue, ids });
}

/** The same for what steps met. */
export function reportQuarantinedBy(
  runtime: Runtime,
  steps: readonly Step[],
  results: readonly Quarantined[],
): void {
  results.forEach(({ quarantined: ids }, i) => {
    if (ids !== undefined) reportQuarantined(runtime, steps[i]?.queue ?? '', ids);
  });
}
