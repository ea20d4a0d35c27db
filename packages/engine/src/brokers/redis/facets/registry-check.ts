// The registry of schedules against the queues, for fsck and the janitor. It lies in another slot than they: a call that was cut in
// between, or a slot that was lost, leaves them apart.
import type { Candidate, Fault } from '../../../broker/check.ts';
import { MAX_BATCH } from '../../../broker/bounds.ts';
import { QUEUES_KEY, SCHEDULES_KEY, schedulesKey } from '../../../protocol/keys.ts';
import type { RedisClient } from '../client/redis-client.ts';
import { textOf } from '../scripts/reply.ts';
import { registryMend, registryRead } from '../scripts/schedules/registry.ts';
import { schedulePage } from '../scripts/schedules/table.ts';

/** Entries in a page: each takes a call. */
const ENTRIES_AT_ONCE = 64;

/** Candidates of the registry: `at` is the queue that has the schedule, or that the entry names. */
const entry = (name: string, at: string): Candidate => ({ what: 'registry', name, at });

/** Whether this queue has the schedule. */
async function hasSchedule(client: RedisClient, queue: string, name: string): Promise<boolean> {
  return queue !== '' && (await client.command(['HEXISTS', schedulesKey(queue), name])) === 1;
}

/** Names of schedules of a queue that the registry does not name, or in another queue. `after`: the page begins behind it. */
export async function unregistered(
  client: RedisClient,
  queue: string,
  after: string,
): Promise<{ last: string | null; wrong: Candidate[] }> {
  const { rows, last } = await client.run(schedulePage, { queue, after, limit: MAX_BATCH });
  const names = rows.map(({ name }) => name);
  // All of them may be damaged: the next page is another one.
  if (names.length === 0) return { last, wrong: [] };
  const { queues } = await client.run(registryRead, names);
  return {
    last,
    wrong: names.filter((_, i) => queues[i] !== queue).map((name) => entry(name, queue)),
  };
}

/** A page of the entries without a schedule. */
export async function leftEntries(
  client: RedisClient,
  cursor: string,
): Promise<{ cursor: string; wrong: Candidate[] }> {
  const [next, flat] = (await client.command([
    'HSCAN',
    SCHEDULES_KEY,
    cursor,
    'COUNT',
    String(ENTRIES_AT_ONCE),
  ])) as readonly [unknown, readonly unknown[]];
  const names = flat.filter((_, i) => i % 2 === 0).map(textOf);
  const { queues } = await client.run(registryRead, names);
  const wrong = await Promise.all(
    names.map(async (name, i) => {
      const queue = queues[i] ?? '';
      return (await hasSchedule(client, queue, name)) ? null : entry(name, queue);
    }),
  );
  return { cursor: textOf(next), wrong: wrong.filter((candidate) => candidate !== null) };
}

/** All that seems wrong, in pages. */
export async function* wrongEntries(client: RedisClient): AsyncGenerator<readonly Candidate[]> {
  let cursor = '0';
  do {
    const page: { cursor: string; wrong: Candidate[] } = await leftEntries(client, cursor);
    yield page.wrong;
    ({ cursor } = page);
  } while (cursor !== '0');
  const queues = (await client.command(['SMEMBERS', QUEUES_KEY])) as Iterable<unknown>;
  for (const queue of Array.from(queues, textOf))
    for (let after: string | null = ''; after !== null;) {
      const page: { last: string | null; wrong: Candidate[] } = await unregistered(client, queue, after);
      yield page.wrong;
      after = page.last;
    }
}

/** Looks at an entry again. One of a call that is under way is no fault yet. */
export async function examineEntry(
  client: RedisClient,
  { name, at: queue }: Candidate,
  repair: boolean,
): Promise<Fault | null> {
  const stored = await hasSchedule(client, queue, name);
  const { queues } = await client.run(registryRead, [name]);
  const entered = queues[0] ?? null;
  if (stored && entered === queue) return null;
  if (stored && entered !== null && (await hasSchedule(client, entered, name))) {
    const found = `schedules of one name in the queues "${entered}" and "${queue}": the second is not found`;
    return { kind: 'double', found, done: null };
  }
  // It was removed, or is in another queue since.
  if (!stored && entered !== queue && queue !== '') return null;
  const code = await client.run(registryMend, { name, queue, has: stored, repair });
  if (code === 'fine') return null;
  return stored
    ? { kind: 'orphan', found: 'no registry names this schedule', done: repair ? 'entered' : null }
    : { kind: 'leak', found: 'an entry of the registry without a schedule', done: repair ? 'removed' : null };
}
