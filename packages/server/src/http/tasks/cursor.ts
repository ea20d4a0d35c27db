/**
 * Cursors of task lists: base64url of a JSON tuple. They are not secret and not signed; a forged one can only ask for what
 * its caller may list anyway. The fingerprint catches mistakes, such as a cursor of another state.
 */
import { createHash } from 'node:crypto';
import type { control } from '@task-center/engine';
import * as z from 'zod';
import { ProblemError } from '../../problem.ts';

/** Cursors expire: the broker's own cursors do not stay meaningful for ever. */
const MAX_AGE_MS = 3_600_000;
const cursorSchema = z.tuple([z.string(), z.int(), z.literal([0, 1]), z.string().nullable()]);

/** Identifies the list that a cursor belongs to: its key, queue, state and kind. */
const fingerprintOf = (scope: readonly string[]) =>
  createHash('sha256').update(JSON.stringify(scope)).digest('base64url').slice(0, 12);

/**
 * A cursor as text.
 *
 * @param scope identifies the list; `readCursor` must be given the same values.
 */
export function writeCursor(
  { kindIndex, cursor }: control.ListPosition,
  scope: readonly string[],
  nowMs: number,
): string {
  return Buffer.from(JSON.stringify([fingerprintOf(scope), nowMs + MAX_AGE_MS, kindIndex, cursor])).toString(
    'base64url',
  );
}

function unusable(why: string): ProblemError {
  return new ProblemError('malformed', `The cursor ${why}; start the list again without it.`, {
    extra: { parameter: 'cursor' },
  });
}

/**
 * Reads a cursor that `writeCursor` made.
 *
 * @throws ProblemError `malformed` it cannot be read, belongs to another list or is too old
 */
export function readCursor(text: string, scope: readonly string[], nowMs: number): control.ListPosition {
  let parsed: z.ZodSafeParseResult<z.output<typeof cursorSchema>>;
  try {
    parsed = cursorSchema.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString()));
  } catch {
    throw unusable('cannot be read');
  }
  if (!parsed.success) throw unusable('cannot be read');
  const [fingerprint, expiresMs, kindIndex, cursor] = parsed.data;
  if (fingerprint !== fingerprintOf(scope)) throw unusable('belongs to another list');
  if (expiresMs < nowMs) throw unusable('is older than an hour');
  return { kindIndex, cursor };
}
