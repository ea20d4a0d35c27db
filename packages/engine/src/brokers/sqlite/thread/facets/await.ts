// Waiting for the ends of tasks. Runs in the writer thread; its calls come from main/task-waits.ts.
import type { TaskRef } from '../../../../runtime/events.ts';
import { plain, type Packet } from '../../packing.ts';
import { isEnd } from '../awaited-tasks.ts';
import type { Store } from '../store.ts';

export function createAwaitHandlers({ tasks, awaited }: Store) {
  return {
    /** Whether the task has ended, or is not there. If not, its end will be reported. */
    awaitEnd({ data }: Packet<TaskRef>): Packet<boolean> {
      const task = tasks.find(data);
      if (!task || isEnd(task.state)) return plain(true);
      awaited.add(task.seq, data);
      return plain(false);
    },

    /** Nobody waits any more. */
    stopAwaiting({ data }: Packet<TaskRef>): Packet<null> {
      const task = tasks.find(data);
      if (task) awaited.remove(task.seq);
      return plain(null);
    },
  };
}
