// The table of bodies: payloads too large for their task's row, and results. Runs in the writer thread.
import type { Lease } from '../../../../broker/consume.ts';
import type { Bytes } from '../../packing.ts';
import { ACTIVE } from '../../states.ts';
import type { Database } from '../database.ts';

/** Payloads up to this size, bytes, are in the task's row, which saves a write and a read. Larger ones are in `body`. */
export const INLINE_BYTES = 512;

/** A result that an attempt sets before it ends. `queue` is the number of the task's queue. */
export type EarlyResultRow = Omit<Lease, 'queue'> & { readonly queue: number; readonly result: Bytes };

export interface Bodies {
  /** The payload of a task in whose row it is not. */
  payload(seq: number): Bytes;
  addPayload(seq: number, payload: Bytes): void;
  /** Replaces the payload; null = it is in the task's row now. A result stays. */
  replacePayload(seq: number, payload: Bytes): void;
  keepResult(seq: number, result: Bytes): void;
  /** False = the task no longer has this token; nothing was written. */
  keepEarlyResult(early: EarlyResultRow): boolean;
  remove(seq: number): void;
}

export function createBodies(database: Database): Bodies {
  const payloadOf = database.prepare('SELECT payload FROM body WHERE seq = ?');
  const insert = database.prepare('INSERT INTO body (seq, payload) VALUES (?, ?)');
  const clearPayload = database.prepare('UPDATE body SET payload = NULL WHERE seq = ?');
  const writePayload = database.prepare(`
    INSERT INTO body (seq, payload) VALUES (?, ?) ON CONFLICT DO UPDATE SET payload = excluded.payload`);
  const writeResult = database.prepare(`
    INSERT INTO body (seq, result) VALUES (?, ?) ON CONFLICT DO UPDATE SET result = excluded.result`);
  const writeEarlyResult = database.named<EarlyResultRow>(`
    INSERT INTO body (seq, result)
    SELECT seq, :result FROM task
    WHERE queue = :queue AND id = :id AND state = ${ACTIVE} AND token = :token
    ON CONFLICT (seq) DO UPDATE SET result = excluded.result`);
  const remove = database.prepare('DELETE FROM body WHERE seq = ?');

  return {
    payload: (seq) => (payloadOf.get(seq)?.[0] ?? null) as Bytes,
    addPayload: (seq, payload) => void insert.run(seq, payload),
    replacePayload(seq, payload) {
      if (payload === null) clearPayload.run(seq);
      else writePayload.run(seq, payload);
    },
    keepResult: (seq, result) => void writeResult.run(seq, result),
    keepEarlyResult: (early) => writeEarlyResult.run(early) > 0,
    remove: (seq) => void remove.run(seq),
  };
}
