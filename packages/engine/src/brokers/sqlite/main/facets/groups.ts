// The groups facet on the main thread: takes, reads and finishes aggregation sets by requests of the writer thread.
import type { AggregationSet, GroupRules, Groups, SetContent } from '../../../../broker/groups.ts';
import type { TaskRecord } from '../../../../broker/inspect.ts';
import type { PageCursor } from '../../thread/facets/records.ts';
import type { TakeSetsReply } from '../../thread/facets/groups.ts';
import type { ReplyOf } from '../../thread/requests.ts';
import { plain } from '../../packing.ts';
import type { Writer } from '../writer.ts';
import { taskRecords } from './inspect.ts';
import { newTaskRow, outcomesOf } from './submit.ts';

/** Sets taken in one search. */
const MAX_SETS = 10;
/** Calls of one search: they look at about 10,000 groups. */
const MAX_CALLS = 40;

/** Reads a set page by page. Null = it has no tasks any more: it was finished, or its tasks are back in their group. */
async function contentOf(writer: Writer, { queue, id }: AggregationSet): Promise<SetContent | null> {
  const tasks: TaskRecord[] = [];
  let after: PageCursor | null = null;
  do {
    const { data, bytes }: ReplyOf<'readSet'> = await writer.run('readSet', plain({ set: id, after }));
    tasks.push(...taskRecords(queue, data.rows, bytes));
    after = data.next;
  } while (after !== null);
  return tasks.length === 0 ? null : { tasks, unreadable: [], source: null };
}

/** What to search for. */
interface Search {
  readonly queue: string;
  readonly rules: GroupRules;
  readonly maxSets: number;
}

/**
 * Makes the function that takes sets of ripe groups. Each search begins where the last one of the queue ended. Otherwise
 * groups that are always ripe would keep later ones waiting.
 */
function createTake(writer: Writer, newId: () => string): Groups['take'] {
  /** The last group looked at, by queue. A queue without an entry is searched from its first group. */
  const cursors = new Map<string, string>();

  /** Searches from the cursor to the last group, or until it has enough sets. Remembers where it ended. */
  async function takeFrom(
    cursor: string | null,
    { queue, rules, maxSets }: Search,
  ): Promise<AggregationSet[]> {
    const sets: AggregationSet[] = [];
    let after = cursor;
    for (let calls = 0; calls < MAX_CALLS && sets.length < maxSets; calls += 1) {
      const setIds = Array.from({ length: maxSets - sets.length }, newId);
      const { sets: found, next }: TakeSetsReply = await writer.ask('takeSets', {
        queue,
        rules,
        setIds,
        after,
      });
      for (const [index, taken] of found.entries()) sets.push({ queue, ...taken, id: setIds[index]! });
      after = next;
      if (after === null) break;
    }
    if (after === null) cursors.delete(queue);
    else cursors.set(queue, after);
    return sets;
  }

  return async (queue, rules, limit) => {
    const search = { queue, rules, maxSets: Math.max(1, Math.min(limit, MAX_SETS)) };
    const cursor = cursors.get(queue);
    const sets = await takeFrom(cursor ?? null, search);
    const maxSets = search.maxSets - sets.length;
    if (cursor === undefined || maxSets === 0 || cursors.has(queue)) return sets;
    // The search began in the middle and has reached the last group: go on with the first ones.
    return [...sets, ...(await takeFrom(null, { ...search, maxSets }))];
  };
}

export function createGroups(writer: Writer, newId: () => string): Groups {
  return {
    take: createTake(writer, newId),

    read: (set) => contentOf(writer, set),

    async finish({ queue, id }, _content, task) {
      const row = task && newTaskRow(task, 0);
      const call = { data: { queue, set: id, row }, bytes: [task?.payload ?? null] };
      const { data } = await writer.run('finishSet', call);
      // Its time is over: its tasks are back in their group, or soon will be.
      if (data === null) return { code: 'set-lost' };
      return outcomesOf(data)[0] ?? { code: 'removed' };
    },

    reclaim: (steps) => writer.ask('reclaimSets', steps),
  };
}
