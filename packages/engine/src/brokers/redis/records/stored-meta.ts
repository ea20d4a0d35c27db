import { encodeMeta, type TaskMeta } from '../../../task/meta.ts';

/** An empty payload and none are the same in a message (protocol 2.1), so `tc` tells them apart: a key of its own. */
const EMPTY_PAYLOAD = '1{"e":1';
const NOTHING = '1{}';

/** The text of `tc`; '' = nothing to store. */
export function metaText(meta: TaskMeta, payload: Uint8Array | null): string {
  const text = encodeMeta(meta);
  if (payload?.length !== 0) return text ?? '';
  const rest = (text ?? NOTHING).slice('1{'.length);
  return EMPTY_PAYLOAD + (rest === '}' ? '' : ',') + rest;
}

/** The payload as it was given, from what the message has and `tc`. */
export function payloadOf(inMessage: Uint8Array | null, meta: string | null): Uint8Array | null {
  return inMessage ?? (meta?.startsWith(EMPTY_PAYLOAD) ? new Uint8Array(0) : null);
}
