// The check facet on Redis, for `fsck`. A walk reads a queue page by page while workers go on. A task that seems wrong may
// only have moved between two pages. So each such candidate is then examined by one script, which sees all its data at once.
import type { Check, Fault, Candidate } from '../../../broker/check.ts';
import {
  activeKey,
  archivedKey,
  completedKey,
  dueKey,
  leaseKey,
  ownStateKey,
  pendingKey,
  retryKey,
  scheduledKey,
} from '../../../protocol/keys.ts';
import { META_KEY } from '../../../protocol/keys.ts';
import type { RedisClient } from '../client/redis-client.ts';
import { claimCursorKey, isCursorKey, storedCursorKey } from '../cursor-key.ts';
import type { RedisDeps } from '../deps.ts';
import {
  check,
  checkIndex,
  type IndexPage,
  checkKeys,
  type KeysPage,
  checkSchedules,
  SCHEDULE_INDEXES,
} from '../scripts/check/table.ts';
import { examineEntry, wrongEntries } from './registry-check.ts';

/** IDs that one pass through the lists looks for. At most twice as many are in memory. */
const MAX_LISTED = 100_000;

/** A list or sorted set of task IDs. */
interface Index {
  readonly key: string;
  /** What the script `check-index` calls it. */
  readonly name: string;
}

/** The sorted sets of a queue, except its groups: `check-keys` finds those by their keys. */
const sortedSets = (queue: string): Index[] => [
  { key: scheduledKey(queue), name: 'scheduled' },
  { key: retryKey(queue), name: 'retry' },
  { key: archivedKey(queue), name: 'archived' },
  { key: completedKey(queue), name: 'completed' },
  { key: leaseKey(queue), name: 'lease' },
  { key: dueKey(queue), name: 'due' },
  { key: ownStateKey(queue, 'cancelled'), name: 'st:cancelled' },
  { key: ownStateKey(queue, 'cancelling'), name: 'st:cancelling' },
];

/** To find one ID, Redis searches the list. So a walk reads a list whole, once for up to `MAX_LISTED` IDs. */
const lists = (queue: string): Index[] => [
  { key: pendingKey(queue), name: 'pending' },
  { key: activeKey(queue), name: 'active' },
];

/** `at`: the key of the list or set where the ID was seen; '' = the place that follows from the task's state. */
const taskCandidate = (name: string, at = ''): Candidate => ({ what: 'task', name, at });

/** Tasks whose state says that they are in a list, and those of them that a pass has found there. */
class ListedTasks {
  readonly #missing = new Set<string>();
  readonly #found = new Set<string>();

  get isFull(): boolean {
    return this.#missing.size >= MAX_LISTED;
  }

  add(ids: readonly string[]): void {
    for (const id of ids) this.#missing.add(id);
  }

  /**
   * Records the IDs of a page of a list as found. Returns IDs that the list has a second time. Found IDs at the beginning
   * of the page do not count: they were in the previous page, and the list has moved since.
   */
  markFound(ids: readonly string[]): string[] {
    let isRepeat = false;
    return ids.filter((id) => {
      if (this.#missing.delete(id)) {
        this.#found.add(id);
        isRepeat = true;
        return false;
      }
      return isRepeat && this.#found.has(id);
    });
  }

  /** Returns the IDs that were not found, and clears everything for the next pass. */
  take(): string[] {
    const missing = [...this.#missing];
    this.#missing.clear();
    this.#found.clear();
    return missing;
  }
}

/** Walks over all keys and indexes of one queue, in pages, and yields what seems wrong. */
class QueueWalk {
  readonly #client: RedisClient;
  readonly #queue: string;
  readonly #listed = new ListedTasks();

  constructor(client: RedisClient, queue: string) {
    this.#client = client;
    this.#queue = queue;
  }

  /**
   * Reads all keys first, and each group when its key is found. Tasks that should be in a list are collected, and the lists
   * are read once for many of them. The other sorted sets come last.
   */
  async *pages(): AsyncGenerator<readonly Candidate[]> {
    const queue = this.#queue;
    let cursor = '0';
    do {
      const page: KeysPage = await this.#client.run(checkKeys, { queue, cursor });
      yield page.candidates;
      for (const key of page.groups) yield* this.#walkIndex({ key, name: 'aggregating' });
      this.#listed.add(page.listed);
      if (this.#listed.isFull) yield* this.#walkLists();
      ({ cursor } = page);
    } while (cursor !== '0');
    yield* this.#walkLists();
    for (const index of sortedSets(queue)) yield* this.#walkIndex(index);
    yield* this.#walkSchedules();
  }

  /** Reads all schedules and runs. */
  async *#walkSchedules(): AsyncGenerator<readonly Candidate[]> {
    for (const index of SCHEDULE_INDEXES)
      for (let cursor: string | null = '0'; cursor !== null;) {
        const page: { cursor: string; candidates: Candidate[] } = await this.#client.run(checkSchedules, {
          queue: this.#queue,
          index,
          cursor,
        });
        yield page.candidates;
        cursor = page.cursor === '0' ? null : page.cursor;
      }
  }

  /** Reads both lists, and yields the collected IDs that were in neither. */
  async *#walkLists(): AsyncGenerator<readonly Candidate[]> {
    for (const index of lists(this.#queue)) yield* this.#walkIndex(index);
    const missing = this.#listed.take();
    for (let i = 0; i < missing.length; i += 1_000)
      yield missing.slice(i, i + 1_000).map((id) => taskCandidate(id));
  }

  /** Reads a list or sorted set. IDs that do not belong there are candidates, and so are IDs that a list has twice. */
  async *#walkIndex({ key, name }: Index): AsyncGenerator<readonly Candidate[]> {
    let from = '0';
    do {
      const page: IndexPage = await this.#client.run(checkIndex, { queue: this.#queue, key, name, from });
      const repeats = this.#listed.markFound(page.ids);
      yield [...page.wrong, ...repeats].map((id) => taskCandidate(id, key));
      from = page.next;
    } while (from !== '0');
  }
}

/** A key of cursors that is none cannot be read by any process: lists have no second page. */
async function findWrongCursorKey(client: RedisClient): Promise<Candidate[]> {
  const stored = await storedCursorKey(client);
  return stored === null || isCursorKey(stored) ? [] : [{ what: 'cursor_key', name: META_KEY, at: '' }];
}

async function examineCursorKey(client: RedisClient, repair: boolean): Promise<Fault | null> {
  if ((await findWrongCursorKey(client)).length === 0) return null;
  if (repair) await claimCursorKey(client);
  return { kind: 'type', found: 'it is no key of 32 bytes', done: repair ? 'replaced by a new one' : null };
}

/**
 * fsck on Redis. The scripts `check-keys` and `check-index` read pages; a walk joins what they find into candidates. The
 * script `check` then examines each candidate. All run on the node of the queue. To no queue (null) belong
 * the key of cursors and the registry of schedules.
 */
export function createCheck({ client }: RedisDeps): Check {
  return {
    async *candidates(queue) {
      if (queue === null) {
        yield await findWrongCursorKey(client);
        yield* wrongEntries(client);
      } else yield* new QueueWalk(client, queue).pages();
    },
    async examine(queue, candidates, repair) {
      const faults: (Fault | null)[] = [];
      if (queue === null)
        return Promise.all(
          candidates.map((candidate) =>
            candidate.what === 'cursor_key'
              ? examineCursorKey(client, repair)
              : examineEntry(client, candidate, repair),
          ),
        );
      // A call may end early, because some candidates take long. It examines at least one.
      while (faults.length < candidates.length) {
        const left = candidates.slice(faults.length);
        faults.push(...(await client.run(check, { queue, candidates: left, repair })));
      }
      return faults;
    },
  };
}
