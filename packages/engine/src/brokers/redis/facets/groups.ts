import type { AggregationSet, FinishedSet, GroupRules, Groups, SetContent } from '../../../broker/groups.ts';
import type { GroupSize, TaskRecord } from '../../../broker/inspect.ts';
import type { NewTask } from '../../../broker/submit.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { aggregationSetKey, groupKey, groupsKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import type { EnqueueItem } from '../scripts/submit/enqueue.ts';
import { groupFinish, type GroupFinished, type HeldLock } from '../scripts/groups/group-finish.ts';
import { groupReclaim } from '../scripts/groups/group-reclaim.ts';
import { groupTake } from '../scripts/groups/group-take.ts';
import { listSet, type ListSetReply, type SetPlace } from '../scripts/inspect/list-set.ts';
import { textOf } from '../scripts/reply.ts';
import { createEachQueue } from '../calls/for-each-queue.ts';
import { acceptedReply, createReportWrongType, isRefusal, withReceipt } from '../calls/refusals.ts';
import { itemOf, outcomeOf } from '../records/new-task-item.ts';
import { taskRecord } from '../records/task-record.ts';
import { lockOf } from '../exchange/plan-finishes.ts';
import { decoded } from '../exchange/leased-tasks.ts';

const MAX_GROUPS = 10_000;
const STEP = '500';
/** Names of one script call: a step may bring more than was asked for. */
const MAX_NAMES = 500;
const MAX_SETS = 10;
const PAGE = 500;

interface Search {
  readonly queue: string;
  readonly rules: GroupRules;
  /** Sets to take. */
  readonly most: number;
}

/** What `finish` needs of the members besides what it shows. */
type Source = readonly HeldLock[];

/** What the command says, or this where its key has another type. */
async function ask<T>(deps: RedisDeps, args: readonly string[], otherwise: T): Promise<T> {
  try {
    return (await deps.client.command(args)) as T;
  } catch (error) {
    const { cause } = (error instanceof TaskCenterError ? error.details : {}) as { readonly cause?: unknown };
    if (typeof cause === 'string' && cause.startsWith('WRONGTYPE')) return otherwise;
    throw error;
  }
}

/** Where among a queue's groups a search goes on. */
interface Spot {
  readonly cursor: string;
  /** Within the step: behind this name. */
  readonly after: string;
}

const FIRST: Spot = { cursor: '0', after: '' };

interface GroupStep {
  readonly names: readonly string[];
  readonly cursor: string;
  /** Of the step that follows; '0' = this was the last one. */
  readonly next: string;
}

/** Asynq's groups in steps of a few hundred, each in order, up to the last one or about 10,000. */
async function* groupSteps(deps: RedisDeps, queue: string, from = FIRST): AsyncGenerator<GroupStep> {
  let { cursor, after } = from;
  let seen = 0;
  do {
    const args = ['SSCAN', groupsKey(queue), cursor, 'COUNT', STEP];
    const reply = await ask<readonly [unknown, readonly unknown[]]>(deps, args, ['0', []]);
    const next = textOf(reply[0]);
    const all = reply[1].map(textOf);
    const names = all.filter((name) => name > after).sort();
    seen += all.length;
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
    const counts = await Promise.all(names.map((group) => ask(deps, ['ZCARD', groupKey(queue, group)], 0)));
    names.forEach((group, i) => sizes.set(group, Number(counts[i])));
  }
  return [...sizes]
    .map(([group, size]) => ({ group, size }))
    .filter(({ size }) => size > 0)
    .sort((a, b) => (a.group < b.group ? -1 : 1));
}

const keyOf = ({ queue, group, id }: AggregationSet): string => aggregationSetKey(queue, group, id);

async function contentOf({ client }: RedisDeps, set: AggregationSet): Promise<SetContent | null> {
  const { queue, group, id } = set;
  const tasks: TaskRecord[] = [];
  const unreadable: string[] = [];
  const locks: HeldLock[] = [];
  let after: SetPlace | null = null;
  for (let more = true; more;) {
    const call = { queue, state: 'aggregating', group: `${group}:${id}`, limit: PAGE, after } as const;
    const page: ListSetReply = await client.run(listSet, call);
    if (page.total === 0) return null;
    for (const row of page.rows) {
      const message = row.message && decoded(row.message)?.message;
      if (!message) unreadable.push(row.id);
      else {
        tasks.push(taskRecord(queue, row));
        const lock = lockOf(queue, message);
        if (lock !== '') locks.push([lock, row.id]);
      }
    }
    after = page.last;
    more = page.more;
  }
  return { tasks, unreadable, source: locks satisfies Source };
}

function finishedOf(
  { code, nowMs, holder }: GroupFinished,
  task: NewTask | null,
  item: EnqueueItem | null,
): FinishedSet {
  if (code === 'l') return { code: 'set-lost' };
  if (task === null || item === null) return { code: 'removed' };
  if (code === 'd') return { code: 'duplicate-task', holder: holder || null };
  return outcomeOf({ task, item }, code, nowMs);
}

/** Takes sets; begins where the last search ended, so that groups that are always ripe keep no others waiting. */
function createTake(deps: RedisDeps): Groups['take'] {
  const { client, runtime } = deps;
  const complain = createReportWrongType(runtime);
  /** By queue; none = at the first group. */
  const spots = new Map<string, Spot>();

  async function takeOf(names: readonly string[], { queue, rules, most }: Search): Promise<AggregationSet[]> {
    const setIds = Array.from({ length: most }, () => runtime.newId());
    const taken = await withReceipt(deps, { queue }, async (receipt, left) => {
      const call = { queue, receipt, rules, setIds, groups: names };
      const reply = await client.run(groupTake, call, left);
      if (!isRefusal(reply) || 'stale' in reply) return acceptedReply(reply, queue, client.name);
      // Until that is repaired there is nothing to take; other queues must not wait for it.
      complain(queue, reply.corrupt);
      return [];
    });
    return taken.map(({ group, size }, i) => ({ queue, group, id: setIds[i] as string, size }));
  }

  async function takeFrom(spot: Spot, search: Search): Promise<AggregationSet[]> {
    const sets: AggregationSet[] = [];
    const { queue, most } = search;
    spots.delete(queue);
    for await (const { names, cursor, next } of groupSteps(deps, queue, spot)) {
      sets.push(...(await takeOf(names, { ...search, most: most - sets.length })));
      if (next !== '0') spots.set(queue, { cursor: next, after: '' });
      else spots.delete(queue);
      if (sets.length < most) continue;
      spots.set(queue, { cursor, after: sets.at(-1)?.group ?? '' });
      break;
    }
    return sets;
  }

  return async (queue, rules, limit) => {
    const search = { queue, rules, most: Math.max(1, Math.min(limit, MAX_SETS)) };
    const spot = spots.get(queue);
    const sets = await takeFrom(spot ?? FIRST, search);
    const most = search.most - sets.length;
    if (!spot || most === 0 || spots.has(queue)) return sets;
    return [...sets, ...(await takeFrom(FIRST, { ...search, most }))];
  };
}

export function createGroups(deps: RedisDeps): Groups {
  const { client } = deps;
  const eachQueue = createEachQueue(deps);

  return {
    take: createTake(deps),

    read: (set) => contentOf(deps, set),

    finish(set, { unreadable, source }, task) {
      const { queue } = set;
      const item = task && itemOf(task);
      const business = task?.meta.business ?? '';
      const fixed = { queue, set: keyOf(set), unreadable, locks: source as Source, item, business };
      return withReceipt(deps, { queue }, async (receipt, left) => {
        const reply = await client.run(groupFinish, { ...fixed, receipt }, left);
        return finishedOf(acceptedReply(reply, queue, client.name), task, item);
      });
    },

    reclaim: (steps) => eachQueue(groupReclaim, steps, 0),
  };
}
