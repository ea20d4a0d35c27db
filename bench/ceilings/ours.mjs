import { encodeCall } from './connection.mjs';
import { openCeiling } from './open.mjs';

// The package does not export its scripts: the bench loads the built files.
const built = (file) => import(new URL(`../../packages/engine/dist/${file}`, import.meta.url).href);

const LEASE_MS = 30_000;
const WORKER = 'bench';
/** Slots of a receipt hash. Calls in flight must use different slots. */
const SLOTS = 4;
/** Makes the scripts use the clock of Redis. */
const NOW = 0;
const RECEIPTS = 'tc:{default}:rc:bench';
/**
 * Tokens follow the clock, unless the last one is ahead of it. From this value on they simply count the calls that took tasks,
 * beginning with 2, which makes them predictable. It must be a multiple of 999,999.
 */
const LAST_TOKEN = 999_999 * 9e8;

/** Returns a function that gives the receipt of the next call. */
function createReceipts() {
  let sequence = 0;
  return () => {
    sequence += 1;
    return { key: RECEIPTS, slot: sequence % SLOTS, sequence, release() {} };
  };
}

/** The ceiling of our own scripts: called as our broker calls them, without the code around them. */
export async function openOurs(where) {
  const { enqueue } = await built('brokers/redis/scripts/submit/enqueue.js');
  const { exchange } = await built('brokers/redis/scripts/consume/exchange.js');
  const { EncodedTask } = await built('brokers/redis/records/new-task-item.js');
  const { createPrepareTask } = await built('client/prepare-task.js');
  const prepare = createPrepareTask();
  const receipt = createReceipts();
  const encoded = (script, call) =>
    encodeCall(script.lua.sha1, script.keys(call), [NOW, ...script.args(call)]);
  return openCeiling(where, {
    scripts: [enqueue.lua.text, exchange.lua.text],
    before: [['SET', 'tc:{default}:tok', String(LAST_TOKEN)]],
    item: (payload) => new EncodedTask(prepare('bench', payload, {})),
    enqueueCall: (items) => encoded(enqueue, { queue: 'default', receipt: receipt(), items, businesses: [] }),
    exchangeCall: ({ ids, taker }, room) => {
      const plain = [{ token: taker + 2, ids }];
      const finishes = ids.length > 0 ? [{ queue: 'default', plain, others: [] }] : [];
      const fetch = { queues: room > 0 ? ['default'] : [], room, leaseMs: LEASE_MS, worker: WORKER };
      return encoded(exchange, { receipt: receipt(), finishes, fetch });
    },
    enqueueCodes: (text) => text.split(':')[1],
  });
}
