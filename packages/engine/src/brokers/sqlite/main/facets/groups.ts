import type { AggregationSet, GroupRules, Groups, SetContent } from '../../../../broker/groups.ts';
import type { TaskRecord } from '../../../../broker/inspect.ts';
import type { Place } from '../../thread/facets/inspect.ts';
import type { ReplyOf } from '../../thread/requests.ts';
import { plain } from '../../packing.ts';
import type { Writer } from '../writer.ts';
import { taskRecord } from './inspect.ts';
import { newRow, outcomes } from './submit.ts';

const MAX_SETS = 10;
/** About 10,000 groups. */
const MAX_CALLS = 40;

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

interface Search {
  readonly queue: string;
  readonly rules: GroupRules;
  /** Sets to take. */
  readonly most: number;
}

/** Takes sets; begins where the last search ended, so that groups that are always ripe keep no others waiting. */
function createTake(writer: Writer, newId: () => string): Groups['take'] {
  /** The last group looked at, by queue; none = all have been. */
  const spots = new Map<string, string>();

  async function takeFrom(spot: string | null, { queue, rules, most }: Search): Promise<AggregationSet[]> {
    const sets: AggregationSet[] = [];
    let after = spot;
    for (let calls = 0; calls < MAX_CALLS && sets.length < most; calls += 1) {
      const setIds = Array.from({ length: most - sets.length }, newId);
      const call = plain({ queue, rules, setIds, after });
      const { data }: ReplyOf<'takeSets'> = await writer.run('takeSets', call);
      data.sets.forEach(([group, size], i) => sets.push({ queue, group, size, id: setIds[i] as string }));
      after = data.next;
      if (after === null) break;
    }
    if (after === null) spots.delete(queue);
    else spots.set(queue, after);
    return sets;
  }

  return async (queue, rules, limit) => {
    const search = { queue, rules, most: Math.max(1, Math.min(limit, MAX_SETS)) };
    const spot = spots.get(queue);
    const sets = await takeFrom(spot ?? null, search);
    const most = search.most - sets.length;
    if (spot === undefined || most === 0 || spots.has(queue)) return sets;
    return [...sets, ...(await takeFrom(null, { ...search, most }))];
  };
}

export function createGroups(writer: Writer, newId: () => string): Groups {
  return {
    take: createTake(writer, newId),

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
