/** The payload of a submitted task, which comes in one of three forms. */
import { limits, type CheckedTask } from '@task-center/api';
import { RawPayload } from '../json-body.ts';
import { BINARY_TYPE, JSON_TYPE, TEXT_TYPE } from '../../media-types.ts';
import { ProblemError } from '../../problem.ts';

/** A payload as it is stored. */
export interface Payload {
  readonly bytes: Uint8Array | null;
  /** Media type; left out = JSON, or no payload. */
  readonly contentType?: string;
}

type Fields = Pick<CheckedTask, 'payload' | 'payload_text' | 'payload_base64' | 'content_type'>;

/** The size of the bytes that a text in base64 stands for. */
function decodedBytes(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return Math.floor((base64.length * 3) / 4) - padding;
}

/** The size of a task's payload, in whatever form it was sent, without decoding it. The fields may be unchecked. */
export function payloadBytes(fields: Readonly<Record<string, unknown>>): number {
  const { payload, payload_text: text, payload_base64: base64 } = fields;
  if (payload instanceof RawPayload) return payload.bytes.length;
  if (typeof text === 'string') return Buffer.byteLength(text);
  return typeof base64 === 'string' ? decodedBytes(base64) : 0;
}

/** The bytes, and the media type that follows from the field that they came in. */
function decodePayload({ payload, payload_text, payload_base64 }: Fields): {
  bytes: Uint8Array | null;
  type?: string;
} {
  if (payload instanceof RawPayload) return { bytes: payload.bytes };
  if (payload_text !== undefined) return { bytes: Buffer.from(payload_text), type: TEXT_TYPE };
  if (payload_base64 !== undefined)
    return { bytes: Buffer.from(payload_base64, 'base64'), type: BINARY_TYPE };
  return { bytes: null };
}

/**
 * The payload of a submitted task.
 *
 * @throws ProblemError `too-large`
 */
export function payloadOf(fields: Fields): Payload {
  const got = payloadBytes(fields);
  const limit = limits.payloadBytes;
  if (got > limit)
    throw new ProblemError('too-large', `The payload has ${got} bytes; at most ${limit} are allowed.`, {
      extra: { limit, got },
    });
  const { bytes, type } = decodePayload(fields);
  const contentType = fields.content_type ?? type;
  return { bytes, ...(contentType !== undefined && contentType !== JSON_TYPE && { contentType }) };
}
