import { encode, openConnection } from './connection.mjs';

/** Calls of one bulk enqueue that are in flight at once, as in our client. */
const BULK_CALLS = 4;
const MAX_PER_CALL = 256;

const batchesOf = (items, size) =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

/** Our worker keeps two calls in flight, and each carries half of the concurrency. Enqueueing is measured the same way. */
const callsOf = (concurrency) => Math.min(2, concurrency);
const shareOf = (concurrency) => Math.min(MAX_PER_CALL, Math.ceil(concurrency / callsOf(concurrency)));

/** @throws Error when a call refused tasks: a ceiling of calls that do nothing would be worthless */
function checkCodes(codes, count) {
  if (codes.join('') !== '1'.repeat(count)) throw new Error('a script of a ceiling refused some tasks');
}

async function timed(connection, calls, inFlight) {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const firsts = await connection.send(calls, inFlight);
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { firsts, figures: { seconds, cpuSeconds: (user + system) / 1e6 } };
}

/**
 * Runs scripts at the speed of Redis: calls are encoded before the clock starts, and replies are counted but not decoded. A
 * round takes the tasks that it has stored in the same order. Calls that finish tasks can therefore be encoded in advance, too.
 *
 * @param layout
 *   - `scripts`: texts to load; `before`: commands to send first
 *   - `item(payload)`: what `enqueueCall` needs for a new task, with its `id`
 *   - `enqueueCall(items)`, `exchangeCall({ ids, taker }, room)`: an encoded call; `taker` is the number, from 0, of the call
 *     that took these IDs
 *   - `enqueueCodes(text)`: the result codes in the first string of an enqueue reply
 * @returns {Promise<import('../peers/index.mjs').Open>}
 */
export async function openCeiling({ redis }, layout) {
  const connection = await openConnection(redis);
  await connection.send(
    [...layout.scripts.map((text) => ['SCRIPT', 'LOAD', text]), ...(layout.before ?? [])].map(encode),
    1,
  );
  let stored = [];
  /** The number of calls that took tasks so far. */
  let takers = 0;

  async function enqueue({ count, payload }, size, inFlight) {
    const items = Array.from({ length: count }, () => layout.item(payload));
    const batches = batchesOf(items, size);
    const calls = batches.map((batch) => layout.enqueueCall(batch));
    const { firsts, figures } = await timed(connection, calls, inFlight);
    checkCodes(firsts.map(layout.enqueueCodes), count);
    stored = stored.concat(items.map(({ id }) => id));
    return figures;
  }

  async function drain({ count, concurrency }) {
    const batches = batchesOf(stored.splice(0, count), shareOf(concurrency));
    // The first calls only take tasks. Each later one finishes the tasks of the call that was answered before it was sent.
    const inFlight = callsOf(concurrency);
    const calls = [...batches, ...Array.from({ length: inFlight }, () => [])].map((batch, i) =>
      layout.exchangeCall({ ids: batches[i - inFlight] ?? [], taker: takers + i - inFlight }, batch.length),
    );
    takers += batches.length;
    const { firsts, figures } = await timed(connection, calls, inFlight);
    checkCodes(firsts, count);
    return figures;
  }

  const jobs = {
    enqueue: (job) => enqueue(job, shareOf(job.concurrency), callsOf(job.concurrency)),
    bulk: (job) => enqueue(job, MAX_PER_CALL, BULK_CALLS),
    process: drain,
  };
  return {
    measure: async (job) => (jobs[job.kind] ? jobs[job.kind](job) : null),
    close: () => Promise.resolve(connection.close()),
  };
}
