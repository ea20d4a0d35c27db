import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encodeCall, sha1Of } from './connection.mjs';
import { messageOf } from './messages.mjs';
import { openCeiling } from './open.mjs';

const LEASE_S = 30;
const PENDING = 'asynq:{default}:pending';
const EXCHANGE_KEYS = [
  PENDING,
  'asynq:{default}:active',
  'asynq:{default}:lease',
  'asynq:{default}:processed:2026-01-01',
  'asynq:{default}:processed',
];

const textOf = (name) => readFileSync(new URL(`${name}.lua`, import.meta.url), 'utf8');

/** The ceiling of minimal scripts on Asynq's layout. The scripts are frozen, which keeps old figures comparable. */
export function openFrozen(where) {
  const [enqueue, exchange] = [textOf('frozen-enqueue'), textOf('frozen-turn')];
  const [enqueueSha, exchangeSha] = [sha1Of(enqueue), sha1Of(exchange)];
  const nowNs = `${Date.now()}000000`;
  const expiry = Math.ceil(Date.now() / 1_000) + LEASE_S;
  return openCeiling(where, {
    scripts: [enqueue, exchange],
    item(payload) {
      const id = randomUUID();
      return { id, message: messageOf(id, payload) };
    },
    enqueueCall: (items) =>
      encodeCall(enqueueSha, [PENDING], [nowNs, ...items.flatMap(({ id, message }) => [id, message])]),
    exchangeCall: ({ ids }, room) => encodeCall(exchangeSha, EXCHANGE_KEYS, [room, expiry, ...ids]),
    enqueueCodes: (text) => text,
  });
}
