import type { AggregationSet, FinishedSet, GroupRules, Groups, SetContent } from '../../../broker/groups.ts';
import type { GroupSize, TaskRecord } from '../../../broker/inspect.ts';
import type { NewTask } from '../../../broker/submit.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { aggregationSetKey, groupKey, groupsKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import type { EnqueueItem } from '../scripts/submit/enqueue.ts';
import {
  groupFinish,
  type GroupFinished,
  type HeldLock,
  groupReclaim,
  groupTake,
} from '../scripts/groups/table.ts';
import { pageOfSet, type SetPageReply, type SetCursor } from '../scripts/inspect/table.ts';
import { CODE } from '../scripts/lua.generated.ts';
import { textOf } from '../scripts/reply.ts';
import { createForEachQueue } from '../calls/for-each-queue.ts';
import { acceptedReply, createReportWrongType, isRefusal, withReceipt } from '../calls/refusals.ts';
import { itemOf, outcomeOf } from '../records/new-task-item.ts';
import { taskRecord } from '../records/task-record.ts';
import { lockOf } from '../exchange/plan-finishes.ts';
import { messageOrNull } from '../exchange/leased-tasks.ts';

/** Groups that one search reads. */
const MAX_GROUPS = 10_000;
/** COUNT of an SSCAN, which may return more. */
const STEP = '500';
/** Names in one call of the script. */
const MAX_NAMES = 500;
/** Sets taken in one call. */
const MAX_SETS = 10;
/** Tasks in one page of a set. */
const PAGE = 500;

interface Search {
  readonly queue: string;
  readonly rules: GroupRules;
  readonly maxSets: number;
}

/** What `finish` needs of the members besides what `read` shows: their unique locks. */
type SetSource = readonly HeldLock[];

/** The reply of a command, or `fallback` if its key has a wrong type. */
async function commandOr<T>(deps: RedisDeps, args: readonly string[], fallback: T): Promise<T> {
  try {
    return (await deps.client.command(args)) as T;
  } catch (error) {
    const { cause } = (error instanceof TaskCenterError ? error.details : {}) as { readonly cause?: unknown };
    if (typeof cause === 'string' && cause.startsWith('WRONGTYPE')) return fallback;
    throw error;
  }
}

/** Where a search through a queue's groups continues. */
interface GroupCursor {
  readonly cursor: string;
  /** Within the step, after this name. */
  readonly after: string;
}

const START: GroupCursor = { cursor: '0', after: '' };

interface GroupStep {
  readonly names: readonly string[];
  readonly cursor: string;
  /** Cursor of the next step; '0' = this was the last one. */
  readonly next: string;
}

/** The names of a queue's groups in steps of a few hundred, each sorted; ends after the last one or about 10,000. */
async function* groupSteps(deps: RedisDeps, queue: string, from = START): AsyncGenerator<GroupStep> {
  let { cursor, after } = from;
  let seen = 0;
  do {
    const args = ['SSCAN', groupsKey(queue), cursor, 'COUNT', STEP];
    const reply = await commandOr<readonly [unknown, readonly unknown[]]>(deps, args, ['0', []]);
    const next = textOf(reply[0]);
    const scanned = reply[1].map(textOf);
    const names = scanned.filter((name) => name > after).sort();
    seen += scanned.length;
    for (let i = 0; i < names.length; i += MAX_NAMES)
      yield { names: names.slice(i, i + MAX_NAMES), cursor, next };
    cursor = next;
    after = '';
  } while (cursor !== '0' && seen < MAX_GROUPS);
}

/** Groups with tasks, by name; at most 10,000. */
export async function groupSizes(deps: RedisDeps, queue: string): Promise<GroupSize[]> {
  const sizes = new Map<string, number>();
  for await (const { names } of groupSteps(deps, queue)) {
    const counts = await Promise.all(
      names.map((group) => commandOr(deps, ['ZCARD', groupKey(queue, group)], 0)),
    );
    names.forEach((group, i) => sizes.set(group, Number(counts[i])));
  }
  return [...sizes]
    .map(([group, size]) => ({ group, size }))
    .filter(({ size }) => size > 0)
    .sort((a, b) => (a.group < b.group ? -1 : 1));
}

const keyOf = ({ queue, group, id }: AggregationSet): string => aggregationSetKey(queue, group, id);

/** Reads the tasks of a set; null if the set does not exist any more. */
async function readSet({ client }: RedisDeps, set: AggregationSet): Promise<SetContent | null> {
  const { queue, group, id } = set;
  const tasks: TaskRecord[] = [];
  const unreadable: string[] = [];
  const locks: HeldLock[] = [];
  let after: SetCursor | null = null;
  for (let more = true; more;) {
    const call = { queue, state: 'aggregating', group: `${group}:${id}`, limit: PAGE, after } as const;
    const page: SetPageReply = await client.run(pageOfSet, call);
    if (page.total === 0) return null;
    for (const row of page.rows) {
      const message = row.message && messageOrNull(row.message)?.message;
      if (!message) unreadable.push(row.id);
      else {
        tasks.push(taskRecord(queue, row));
        const lock = lockOf(queue, message);
        if (lock !== '') locks.push({ key: lock, id: row.id });
      }
    }
    after = page.last;
    more = page.more;
  }
  return { tasks, unreadable, source: locks satisfies SetSource };
}

/** The outcome for the code of the script `group-finish`. */
function toFinishedSet(
  { code, nowMs, holder }: GroupFinished,
  task: NewTask | null,
  item: EnqueueItem | null,
): FinishedSet {
  if (code === CODE.setLost) return { code: 'set-lost' };
  if (task === null || item === null) return { code: 'removed' };
  if (code === CODE.duplicate) return { code: 'duplicate-task', holder: holder || null };
  return outcomeOf({ task, item }, code, nowMs);
}

/**
 * Takes sets of groups that are ready. Each search continues where the last one ended: groups that are always ready must not
 * keep others waiting.
 */
function createTake(deps: RedisDeps): Groups['take'] {
  const { client, runtime } = deps;
  const reportWrongType = createReportWrongType(runtime);
  /** By queue; a queue without one is searched from the first group. */
  const cursors = new Map<string, GroupCursor>();

  /** Takes sets of those among these groups that are ready. */
  async function takeByName(
    names: readonly string[],
    { queue, rules, maxSets }: Search,
  ): Promise<AggregationSet[]> {
    const setIds = Array.from({ length: maxSets }, () => runtime.newId());
    const taken = await withReceipt(deps, { queue }, async (receipt, left) => {
      const call = { queue, receipt, rules, setIds, groups: names };
      const reply = await client.run(groupTake, call, left);
      if (!isRefusal(reply) || 'stale' in reply) return acceptedReply(reply, queue, client.name);
      // Nothing can be taken here until the key is repaired. Throwing would stop the other queues, too.
      reportWrongType(queue, reply.corrupt);
      return [];
    });
    return taken.map(({ group, size }, i) => ({ queue, group, id: setIds[i] as string, size }));
  }

  /** Searches from `start` to the last group, and remembers where it stopped if it has taken all the sets it may. */
  async function takeFrom(start: GroupCursor, search: Search): Promise<AggregationSet[]> {
    const sets: AggregationSet[] = [];
    const { queue, maxSets } = search;
    cursors.delete(queue);
    for await (const { names, cursor, next } of groupSteps(deps, queue, start)) {
      sets.push(...(await takeByName(names, { ...search, maxSets: maxSets - sets.length })));
      if (next !== '0') cursors.set(queue, { cursor: next, after: '' });
      else cursors.delete(queue);
      if (sets.length < maxSets) continue;
      cursors.set(queue, { cursor, after: sets.at(-1)?.group ?? '' });
      break;
    }
    return sets;
  }

  return async (queue, rules, limit) => {
    const search = { queue, rules, maxSets: Math.max(1, Math.min(limit, MAX_SETS)) };
    const start = cursors.get(queue);
    const sets = await takeFrom(start ?? START, search);
    const maxSets = search.maxSets - sets.length;
    // The search began in the middle and reached the end: go on with the first groups.
    if (!start || maxSets === 0 || cursors.has(queue)) return sets;
    return [...sets, ...(await takeFrom(START, { ...search, maxSets }))];
  };
}

/** Aggregation of groups. */
export function createGroups(deps: RedisDeps): Groups {
  const { client } = deps;
  const eachQueue = createForEachQueue(deps);

  return {
    take: createTake(deps),

    read: (set) => readSet(deps, set),

    finish(set, { unreadable, source }, task) {
      const { queue } = set;
      const item = task && itemOf(task);
      const business = task?.meta.business ?? '';
      const call = { queue, set: keyOf(set), unreadable, locks: source as SetSource, item, business };
      return withReceipt(deps, { queue }, async (receipt, left) => {
        const reply = await client.run(groupFinish, { ...call, receipt }, left);
        return toFinishedSet(acceptedReply(reply, queue, client.name), task, item);
      });
    },

    reclaim: (steps) => eachQueue(groupReclaim, steps, 0),
  };
}
