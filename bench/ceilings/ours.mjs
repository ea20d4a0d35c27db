import { encodeCall } from './link.mjs';
import { openCeiling } from './open.mjs';

// The package keeps its scripts to itself; the bench drives the very files that were built.
const built = (file) => import(new URL(`../../packages/engine/dist/${file}`, import.meta.url).href);

const LEASE_MS = 30_000;
const WORKER = 'bench';
/** Slots of a receipt hash. Calls under way must differ in theirs. */
const SLOTS = 4;
/** Redis' own clock. */
const NOW = 0;
const RECEIPTS = 'tc:{default}:rc:bench';
/** Tokens follow the clock; from so far ahead they count the calls that took something, from 2 on (a multiple of 999,999). */
const LAST_TOKEN = 999_999 * 9e8;

/** The receipt of the next call of one client. */
function createReceipts() {
  let sequence = 0;
  return () => {
    sequence += 1;
    return { key: RECEIPTS, slot: sequence % SLOTS, sequence, release() {} };
  };
}

/** Our own scripts, called as our broker calls them, with nothing around them. */
export async function openOurs(where) {
  const { enqueue } = await built('brokers/redis/scripts/submit/enqueue.js');
  const { exchange } = await built('brokers/redis/scripts/consume/exchange.js');
  const { itemOf } = await built('brokers/redis/records/new-task-item.js');
  const { createPrepareTask } = await built('client/prepare-task.js');
  const prepare = createPrepareTask();
  const receipt = createReceipts();
  const encoded = (script, call) =>
    encodeCall(script.lua.sha1, script.keys(call), [NOW, ...script.args(call)]);
  const base = { leaseMs: LEASE_MS, worker: WORKER };
  return openCeiling(where, {
    scripts: [enqueue.lua.text, exchange.lua.text],
    before: [['SET', 'tc:{default}:tok', String(LAST_TOKEN)]],
    item: (payload) => itemOf(prepare('bench', payload, {})),
    enqueueCall: (items) => encoded(enqueue, { queue: 'default', receipt: receipt(), items, businesses: [] }),
    turnCall: ({ ids, turn: number }, room) => {
      const plain = [{ token: number + 2, ids }];
      const finishes = ids.length > 0 ? [{ queue: 'default', plain, others: [] }] : [];
      const queues = room > 0 ? ['default'] : [];
      return encoded(exchange, { ...base, receipt: receipt(), finishes, queues, room });
    },
    enqueueCodes: (text) => text.split(':')[1],
  });
}
