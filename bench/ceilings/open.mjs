import { encode, openLink } from './link.mjs';

/** As our client: calls of one batch under way at once. */
const BULK_CALLS = 4;
const MAX_PER_CALL = 256;

const batchesOf = (items, size) =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

/** Our worker keeps two calls under way, and each carries half of the concurrency, as our client's batches do here. */
const callsOf = (concurrency) => Math.min(2, concurrency);
const shareOf = (concurrency) => Math.min(MAX_PER_CALL, Math.ceil(concurrency / callsOf(concurrency)));

/** @throws Error when not all tasks were dealt with: a ceiling of calls that did nothing would be none */
function checkCodes(codes, count) {
  if (codes.join('') !== '1'.repeat(count)) throw new Error('a ceiling’s script refused some tasks');
}

async function timed(link, calls, inFlight) {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const firsts = await link.send(calls, inFlight);
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { firsts, figures: { seconds, cpuSeconds: (user + system) / 1e6 } };
}

/**
 * Scripts at the speed of Redis: every call is bytes before the clock starts, replies are counted and not read. What a
 * round stores it also takes, in the same order, so that the calls that finish tasks can be made in advance, too.
 *
 * @param layout `scripts`: texts to load; `before`: commands to send first; `enqueueCall(items)`, `turnCall({ ids, turn }, room)`: a call as bytes, `turn` being the
 *   number, from 0, of the call that took these IDs;
 *   `item(payload)`: what `enqueueCall` needs of a new task, with its `id`; `enqueueCodes(text)`: of its reply's first text
 * @returns {Promise<import('../peers/index.mjs').Open>}
 */
export async function openCeiling({ redis }, layout) {
  const link = await openLink(redis);
  await link.send(
    [...layout.scripts.map((text) => ['SCRIPT', 'LOAD', text]), ...(layout.before ?? [])].map(encode),
    1,
  );
  let stored = [];
  /** Calls that took tasks so far. */
  let turns = 0;

  async function enqueue({ count, payload }, size, inFlight) {
    const items = Array.from({ length: count }, () => layout.item(payload));
    const batches = batchesOf(items, size);
    const calls = batches.map((batch) => layout.enqueueCall(batch));
    const { firsts, figures } = await timed(link, calls, inFlight);
    checkCodes(firsts.map(layout.enqueueCodes), count);
    stored = stored.concat(items.map(({ id }) => id));
    return figures;
  }

  async function drain({ count, concurrency }) {
    const batches = batchesOf(stored.splice(0, count), shareOf(concurrency));
    // The first calls only take; from then on each hands in what was brought as many calls ago as are under way.
    const behind = callsOf(concurrency);
    const calls = [...batches, ...Array.from({ length: behind }, () => [])].map((batch, i) =>
      layout.turnCall({ ids: batches[i - behind] ?? [], turn: turns + i - behind }, batch.length),
    );
    turns += batches.length;
    const { firsts, figures } = await timed(link, calls, behind);
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
    close: () => Promise.resolve(link.close()),
  };
}
