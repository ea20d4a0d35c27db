// What a task's hash stores about the task itself: Asynq's message, and our own options in the field `tc`.
import { decodeMessage, type DecodedMessage } from '../../../protocol/message.ts';
import { ProtocolError } from '../../../protocol/wire.ts';
import { encodeMeta, type TaskMeta } from '../../../task/meta.ts';

/** Decodes stored bytes; null for invalid ones, because foreign processes may have written anything. */
export function decodedOrNull<T>(decode: (bytes: Uint8Array) => T, bytes: Uint8Array): T | null {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

/** Decodes a stored message; null for invalid bytes. */
export const messageOrNull = (bytes: Uint8Array): DecodedMessage | null =>
  decodedOrNull(decodeMessage, bytes);

/**
 * Protobuf does not distinguish an empty payload from none. The text of `tc` does: it then begins with a key of its own.
 */
const EMPTY_PAYLOAD_PREFIX = '1{"e":1';
const EMPTY_META = '1{}';

/** Encodes the text of `tc`; '' = nothing to store. */
export function metaText(meta: TaskMeta, payload: Uint8Array | null): string {
  const text = encodeMeta(meta);
  if (payload?.length !== 0) return text ?? '';
  const fields = (text ?? EMPTY_META).slice('1{'.length);
  return EMPTY_PAYLOAD_PREFIX + (fields === '}' ? '' : ',') + fields;
}

/** The payload as it was submitted, from the message and `tc`. */
export function payloadOf(inMessage: Uint8Array | null, meta: string | null): Uint8Array | null {
  return inMessage ?? (meta?.startsWith(EMPTY_PAYLOAD_PREFIX) ? new Uint8Array(0) : null);
}
