/**
 * Cursors of task lists. They name the last tasks of a page, which may be those of other businesses. So they are encrypted
 * (AES-256-GCM), and their length says nothing: base64url of a nonce, the position padded to a multiple of 64 bytes, and the
 * tag. All instances on a broker share the key.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { control } from '@task-center/engine';
import * as z from 'zod';
import { ProblemError } from '../../problem.ts';

/** Cursors expire: the broker's own cursors do not stay meaningful for ever. */
const MAX_AGE_MS = 3_600_000;
const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PAD_BYTES = 64;
/** Of what is encrypted. Cursors of another form fail as those of another list do. */
const FORM = 'list 1';
const positionSchema = z.tuple([z.int(), z.literal([0, 1]), z.string().nullable()]);

/** What a cursor is made and read with. */
export interface CursorContext {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Identifies the list: the caller's key, queue, state and kind. A cursor is valid for the same values only. */
  readonly scope: readonly string[];
  readonly nowMs: number;
}

const authenticated = (scope: readonly string[]): Buffer => Buffer.from(JSON.stringify([FORM, ...scope]));

/** The text with blanks behind it, which JSON ignores. */
function padded(json: string): Buffer {
  const bytes = Buffer.from(json);
  const length = Math.ceil(bytes.length / PAD_BYTES) * PAD_BYTES;
  return Buffer.concat([bytes], length).fill(' ', bytes.length);
}

/** A cursor as text. */
export function writeCursor(
  { kindIndex, cursor }: control.ListPosition,
  { key, scope, nowMs }: CursorContext,
): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(authenticated(scope));
  const position = padded(JSON.stringify([nowMs + MAX_AGE_MS, kindIndex, cursor]));
  return Buffer.concat([nonce, cipher.update(position), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  );
}

function unusable(why: string): ProblemError {
  return new ProblemError('malformed', `The cursor ${why}; start the list again without it.`, {
    extra: { parameter: 'cursor' },
  });
}

/** The JSON in a cursor. @throws Error it was not made with this key for this list */
function decrypt(text: string, { key, scope }: CursorContext): string {
  const bytes = Buffer.from(text, 'base64url');
  // Base64 has several texts for the same bytes.
  if (bytes.length <= NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== text)
    throw new Error('it is no cursor');
  const end = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
    .setAAD(authenticated(scope))
    .setAuthTag(bytes.subarray(end));
  return decipher.update(bytes.subarray(NONCE_BYTES, end), undefined, 'utf8') + decipher.final('utf8');
}

/**
 * Reads a cursor that `writeCursor` made.
 *
 * @throws ProblemError `malformed` it was changed, belongs to another list, key or version, or is too old
 */
export function readCursor(text: string, context: CursorContext): control.ListPosition {
  let parsed: z.ZodSafeParseResult<z.output<typeof positionSchema>>;
  try {
    parsed = positionSchema.safeParse(JSON.parse(decrypt(text, context)));
  } catch {
    throw unusable('was changed, or belongs to another list, key or version');
  }
  if (!parsed.success) throw unusable('belongs to another version');
  const [expiresMs, kindIndex, cursor] = parsed.data;
  if (expiresMs < context.nowMs) throw unusable('is older than an hour');
  return { kindIndex, cursor };
}
