// The groups facet on Redis. The tasks of a group wait in a sorted set, by the time at which they joined. `take` moves some of
// them into a set of their own, which one worker aggregates. A set that is not finished in time goes back into its group.
import { MAX_LISTED_GROUPS } from '../../../broker/bounds.ts';
import type { AggregationSet, FinishedSet, GroupRules, Groups, SetContent } from '../../../broker/groups.ts';
import type { GroupSize, TaskRecord } from '../../../broker/inspect.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { aggregationSetKey, groupKey, groupsKey } from '../../../protocol/keys.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import {
  groupFail,
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
import { acceptedReply, isRefusal, createReportWrongType } from '../calls/refusals.ts';
import { withReceipt } from '../calls/with-receipt.ts';
import { EncodedTask, enqueueOutcomeOf, pendingOutcome } from '../records/new-task-item.ts';
import { taskRecord } from '../records/task-record.ts';
import { lockOf } from '../exchange/plan-finishes.ts';
import { messageOrNull } from '../records/stored-message.ts';

/** COUNT of an SSCAN, which may return more. */
const STEP = '500';
/** Names in one call of the script. */
const MAX_NAMES = 500;
/** Tasks in one page of a set. */
const TASKS_PER_PAGE = 500;

/** Arguments of one step, the same for all groups that it looks at. */
interface TakeCall {
  readonly queue: string;
  readonly rules: GroupRules;
  /** Most sets to take. */
  readonly limit: number;
}

/** What `finish` needs of the members besides what `read` shows: their unique locks. */
type SetSource = readonly HeldLock[];

/** The reply of a command, or `fallback` if its key has a wrong type. */
async function commandOr<T>(client: RedisClient, args: readonly string[], fallback: T): Promise<T> {
  try {
    return (await client.command(args)) as T;
  } catch (error) {
    const { cause } = (error instanceof TaskCenterError ? error.details : {}) as { readonly cause?: unknown };
    if (typeof cause === 'string' && cause.startsWith('WRONGTYPE')) return fallback;
    throw error;
  }
}

/** A place among a queue's groups. */
interface GroupCursor {
  /** Of SSCAN. */
  readonly scan: string;
  /** Of the names that this scan finds: those behind this one. */
  readonly after: string;
}

const START: GroupCursor = { scan: '0', after: '' };

/** A cursor as text: scan and name, with a space between. */
const groupCursorText = ({ scan, after }: GroupCursor): string => `${scan} ${after}`;

function parseGroupCursor(text: string): GroupCursor {
  const space = text.indexOf(' ');
  return { scan: text.slice(0, space), after: text.slice(space + 1) };
}

interface GroupNames {
  /** Sorted. */
  readonly names: readonly string[];
  /** Cursor of the next scan; '0' = this was the last one. */
  readonly next: string;
}

/** The names of a queue's groups that one SSCAN finds, a few hundred. None if their key has a wrong type. */
async function scanGroups({ client }: RedisDeps, queue: string, scan: string): Promise<GroupNames> {
  const args = ['SSCAN', groupsKey(queue), scan, 'COUNT', STEP];
  const [next, names] = await commandOr<readonly [unknown, readonly unknown[]]>(client, args, ['0', []]);
  return { names: names.map(textOf).sort(), next: textOf(next) };
}

/** Groups with tasks, by name; about 10,000 at most. */
export async function groupSizes(deps: RedisDeps, queue: string): Promise<GroupSize[]> {
  const sizes = new Map<string, number>();
  let scan = '0';
  let seen = 0;
  do {
    const { names, next } = await scanGroups(deps, queue, scan);
    const counts = await Promise.all(
      names.map((group) => commandOr(deps.client, ['ZCARD', groupKey(queue, group)], 0)),
    );
    names.forEach((group, i) => sizes.set(group, Number(counts[i])));
    seen += names.length;
    scan = next;
  } while (scan !== '0' && seen < MAX_LISTED_GROUPS);
  return [...sizes]
    .map(([group, size]) => ({ group, size }))
    .filter(({ size }) => size > 0)
    .sort((a, b) => (a.group < b.group ? -1 : 1));
}

const setKeyOf = ({ queue, group, id }: AggregationSet): string => aggregationSetKey(queue, group, id);

/**
 * Reads the tasks of a set, page by page; null if the set does not exist any more. If a task's message cannot
 * be read, only its ID is returned, and `finish` archives the task.
 */
async function readSet({ client }: RedisDeps, set: AggregationSet): Promise<SetContent | null> {
  const { queue, group, id } = set;
  const tasks: TaskRecord[] = [];
  const unreadable: string[] = [];
  const locks: HeldLock[] = [];
  let after: SetCursor | null = null;
  for (let more = true; more;) {
    const call = {
      queue,
      state: 'aggregating',
      group: `${group}:${id}`,
      limit: TASKS_PER_PAGE,
      businesses: [],
      after,
    } as const;
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
  // The locks are in the messages, which scripts cannot decode. So they stay with the content until `finish` releases them.
  return { tasks, unreadable, source: locks satisfies SetSource };
}

/** The outcome for the code of the script `group-finish`. */
function toFinishedSet({ code, nowMs, holder }: GroupFinished, task: EncodedTask | null): FinishedSet {
  if (code === CODE.setLost) return { code: 'set-lost' };
  if (task === null) return { code: 'removed' };
  if (code === CODE.duplicate) return { code: 'duplicate-task', holder: holder || null };
  return enqueueOutcomeOf(task, code, pendingOutcome(nowMs));
}

/** Takes sets of groups that are ready; a step looks at the names of one SSCAN, at most `MAX_NAMES` of them. */
function createTake(deps: RedisDeps): Groups['take'] {
  const { client, runtime } = deps;
  const reportWrongType = createReportWrongType(runtime);

  /** Takes sets of those among these groups that are ready. */
  async function takeByName(groups: readonly string[], call: TakeCall): Promise<AggregationSet[]> {
    const { queue, rules, limit } = call;
    if (groups.length === 0) return [];
    const setIds = Array.from({ length: limit }, () => runtime.newId());
    const taken = await withReceipt(deps, { queue }, async (receipt, left) => {
      const reply = await client.run(groupTake, { queue, receipt, rules, setIds, groups }, left);
      if (!isRefusal(reply) || 'stale' in reply) return acceptedReply(reply, queue, client.name);
      // Nothing can be taken here until the key is repaired. Throwing would stop the other queues, too.
      reportWrongType(queue, reply.corrupt);
      return [];
    });
    return taken.map(({ group, size }, i) => ({ queue, group, id: setIds[i] as string, size }));
  }

  return async (...[queue, rules, limit, from]: Parameters<Groups['take']>) => {
    const { scan, after } = from === null ? START : parseGroupCursor(from);
    const { names: found, next } = await scanGroups(deps, queue, scan);
    const names = found.filter((name) => name > after);
    const groups = names.slice(0, MAX_NAMES);
    const sets = await takeByName(groups, { queue, rules, limit });
    // The limit of sets was reached, or there were more names than one call takes. The next step scans the same names again
    // and continues after this one.
    const last = sets.length === limit ? sets.at(-1)?.group : groups.length < names.length && groups.at(-1);
    if (last) return { sets, checked: found.length, next: groupCursorText({ scan, after: last }) };
    return {
      sets,
      checked: found.length,
      next: next === '0' ? null : groupCursorText({ scan: next, after: '' }),
    };
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
      const item = task && new EncodedTask(task);
      const business = task?.meta.business ?? '';
      const call = { queue, set: setKeyOf(set), unreadable, locks: source as SetSource, item, business };
      return withReceipt(deps, { queue }, async (receipt, left) => {
        const reply = await client.run(groupFinish, { ...call, receipt }, left);
        return toFinishedSet(acceptedReply(reply, queue, client.name), item);
      });
    },

    async fail(set, error, pauseMs = 0) {
      const { queue, id } = set;
      const call = { queue, set: setKeyOf(set), setId: id, error, pauseMs };
      const reply = await client.run(groupFail, call);
      return acceptedReply(reply, queue, client.name);
    },

    reclaim: (steps) => eachQueue(groupReclaim, steps, 0),
  };
}
