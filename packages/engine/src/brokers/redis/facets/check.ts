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
import type { RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import { check } from '../scripts/check/check.ts';
import { checkIndex, type IndexPage } from '../scripts/check/check-index.ts';
import { checkKeys, type KeysPage } from '../scripts/check/check-keys.ts';

/** Tasks that are looked for in the lists in one go: so many IDs are in memory, twice at most. */
const MAX_LISTED = 100_000;

interface Index {
  readonly key: string;
  readonly name: string;
}

const setsOf = (queue: string): Index[] => [
  { key: scheduledKey(queue), name: 'scheduled' },
  { key: retryKey(queue), name: 'retry' },
  { key: archivedKey(queue), name: 'archived' },
  { key: completedKey(queue), name: 'completed' },
  { key: leaseKey(queue), name: 'lease' },
  { key: dueKey(queue), name: 'due' },
  { key: ownStateKey(queue, 'cancelled'), name: 'st:cancelled' },
];

const listsOf = (queue: string): Index[] => [
  { key: pendingKey(queue), name: 'pending' },
  { key: activeKey(queue), name: 'active' },
];

const task = (name: string, at = ''): Candidate => ({ what: 'task', name, at });

/** Tasks that must stand in a list, and those of them that were met there. */
class CandidateList {
  readonly #missing = new Set<string>();
  readonly #met = new Set<string>();

  get isFull(): boolean {
    return this.#missing.size >= MAX_LISTED;
  }

  add(ids: readonly string[]): void {
    for (const id of ids) this.#missing.add(id);
  }

  /**
   * Takes note of a page of a list; returns IDs that stand in it once more. Those with which the page begins were
   * in the page before: the list has moved on.
   */
  meet(ids: readonly string[]): string[] {
    let again = false;
    return ids.filter((id) => {
      if (this.#missing.delete(id)) {
        this.#met.add(id);
        again = true;
        return false;
      }
      return again && this.#met.has(id);
    });
  }

  /** Those that were not met; begins anew. */
  take(): string[] {
    const missing = [...this.#missing];
    this.#missing.clear();
    this.#met.clear();
    return missing;
  }
}

class QueueWalk {
  readonly #connection: RedisClient;
  readonly #queue: string;
  readonly #roll = new CandidateList();

  constructor(connection: RedisClient, queue: string) {
    this.#connection = connection;
    this.#queue = queue;
  }

  async *pages(): AsyncGenerator<readonly Candidate[]> {
    const queue = this.#queue;
    let cursor = '0';
    do {
      const page: KeysPage = await this.#connection.run(checkKeys, { queue, cursor });
      yield page.suspects;
      for (const key of page.groups) yield* this.#index({ key, name: 'aggregating' });
      this.#roll.add(page.listed);
      if (this.#roll.isFull) yield* this.#lists();
      ({ cursor } = page);
    } while (cursor !== '0');
    yield* this.#lists();
    for (const index of setsOf(queue)) yield* this.#index(index);
  }

  async *#lists(): AsyncGenerator<readonly Candidate[]> {
    for (const index of listsOf(this.#queue)) yield* this.#index(index);
    const missing = this.#roll.take();
    for (let i = 0; i < missing.length; i += 1_000) yield missing.slice(i, i + 1_000).map((id) => task(id));
  }

  async *#index({ key, name }: Index): AsyncGenerator<readonly Candidate[]> {
    let from = '0';
    do {
      const page: IndexPage = await this.#connection.run(checkIndex, { queue: this.#queue, key, name, from });
      const again = this.#roll.meet(page.ids);
      yield [...page.wrong, ...again].map((id) => task(id, key));
      from = page.next;
    } while (from !== '0');
  }
}

/** Scripts look at pages, and at suspects; what they find is joined here. Each runs on the node that has the queue. */
export function createCheck({ client }: RedisDeps): Check {
  return {
    async *candidates(queue) {
      if (queue !== null) yield* new QueueWalk(client, queue).pages();
    },
    async examine(queue, suspects, mend) {
      const faults: (Fault | null)[] = [];
      while (queue !== null && faults.length < suspects.length) {
        const left = suspects.slice(faults.length);
        faults.push(...(await client.run(check, { queue, suspects: left, mend })));
      }
      return faults;
    },
  };
}
