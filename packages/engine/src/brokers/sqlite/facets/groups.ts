import type { AggregationSet, Groups, SetContent } from '../../../broker/groups.ts';
import type { TaskRecord } from '../../../broker/inspect.ts';
import type { Place } from '../operations/inspect.ts';
import type { ReplyOf } from '../operations/operations.ts';
import { plain } from '../packing.ts';
import type { Writer } from '../writer.ts';
import { taskRecord } from './inspect.ts';
import { newRow, outcomes } from './submit.ts';

const MOST_SETS = 10;

async function contentOf(writer: Writer, { queue, id }: AggregationSet): Promise<SetContent | null> {
  const tasks: TaskRecord[] = [];
  let after: Place | null = null;
  do {
    const { data, bytes }: ReplyOf<'readSet'> = await writer.run('readSet', plain({ set: id, after }));
    data.rows.forEach((row, i) => tasks.push(taskRecord(queue, row, bytes.slice(2 * i, 2 * i + 2))));
    after = data.next;
  } while (after !== null);
  return tasks.length === 0 ? null : { tasks, unreadable: [], source: null };
}

export function createGroups(writer: Writer, newId: () => string): Groups {
  return {
    async take(queue, rules, limit) {
      const most = Math.max(1, Math.min(limit, MOST_SETS));
      const sets: AggregationSet[] = [];
      let after: string | null = null;
      do {
        const setIds = Array.from({ length: most - sets.length }, newId);
        const { data }: ReplyOf<'takeSets'> = await writer.run(
          'takeSets',
          plain({ queue, rules, setIds, after }),
        );
        data.sets.forEach(([group, size], i) => sets.push({ queue, group, size, id: setIds[i] as string }));
        after = data.next;
      } while (after !== null && sets.length < most);
      return sets;
    },

    read: (set) => contentOf(writer, set),

    async finish({ queue, id }, _content, task) {
      const row = task && newRow(task, 0);
      const call = { data: { queue, set: id, row }, bytes: [task?.payload ?? null] };
      const { data } = await writer.run('finishSet', call);
      if (data === null) return { code: 'set-lost' };
      return outcomes(data)[0] ?? { code: 'removed' };
    },

    async reclaim(steps) {
      const rows = steps.map(({ queue, limit }) => [queue, limit] as const);
      return [...(await writer.run('reclaimSets', plain(rows))).data];
    },
  };
}
