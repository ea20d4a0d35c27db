import { decodeMessage, type DecodedMessage } from '../../../protocol/message.ts';
import { ProtocolError } from '../../../protocol/wire.ts';

// Decodes bytes that foreign processes may have written.

/** Decodes a stored message; null if its bytes are not one. */
export function messageOrNull(bytes: Uint8Array): DecodedMessage | null {
  try {
    return decodeMessage(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

/** Decodes what a server, worker or scheduler shows of itself; null if the bytes are not that. */
export function decodedOrNull<T>(decode: (bytes: Buffer) => T, bytes: Buffer): T | null {
  try {
    return decode(bytes);
  } catch {
    return null;
  }
}
