// The groups facet on the main thread: takes, reads and finishes aggregation sets by requests of the writer thread.
import type { AggregationSet, Groups, SetContent } from '../../../../broker/groups.ts';
import type { TaskRecord } from '../../../../broker/inspect.ts';
import type { PageCursor } from '../../thread/facets/records.ts';
import type { AnswerOf, StoreCalls } from '../../thread/requests.ts';
import { plain } from '../../packing.ts';
import { toTaskRecords } from './inspect.ts';
import { newTaskRow, outcomesOf } from './submit.ts';

/** Reads a set page by page. Null = it has no tasks any more: it was finished, or its tasks are back in their group. */
async function contentOf(writer: StoreCalls, { queue, id }: AggregationSet): Promise<SetContent | null> {
  const tasks: TaskRecord[] = [];
  let after: PageCursor | null = null;
  do {
    const { data, bytes }: AnswerOf<'readSet'> = await writer.run('readSet', plain({ set: id, after }));
    tasks.push(...toTaskRecords(queue, data.rows, bytes));
    after = data.next;
  } while (after !== null);
  return tasks.length === 0 ? null : { tasks, unreadable: [], source: null };
}

/** The thread searches and changes groups. This side only makes IDs and converts tasks to rows, and rows to records. */
export function createGroups(writer: StoreCalls, newId: () => string): Groups {
  return {
    async take(...[queue, rules, limit, after]: Parameters<Groups['take']>) {
      // The IDs are made here, as the thread has no source of random numbers that tests could replace.
      const setIds = Array.from({ length: limit }, newId);
      const reply = await writer.ask('takeSets', { queue, rules, setIds, after });
      const sets = reply.sets.map((taken, i) => ({ queue, ...taken, id: setIds[i]! }));
      return { ...reply, sets };
    },

    read: (set) => contentOf(writer, set),

    // The tasks of the set need not travel back: the thread finds them by the set's ID.
    async finish({ queue, id }, _content, task) {
      const row = task && newTaskRow(task, 0);
      const call = { data: { queue, set: id, row }, bytes: [task?.payload ?? null] };
      const { data } = await writer.run('finishSet', call);
      // The time of the set is over, or it has no tasks any more.
      if (data === null) return { code: 'set-lost' };
      return outcomesOf(data)[0] ?? { code: 'removed' };
    },

    fail: ({ queue, id }, error, pauseMs = 0) => writer.ask('failSet', { queue, set: id, error, pauseMs }),

    reclaim: (steps) => writer.ask('reclaimSets', steps),
  };
}
