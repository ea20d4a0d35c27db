import { createHash } from 'node:crypto';
import * as z from 'zod';
import { ProblemError } from '../../problem.ts';

/** Where a list goes on. */
export interface ListPosition {
  /** Index of the kind. */
  readonly kind: number;
  /** The broker's own cursor within it. */
  readonly cursor: string | null;
}

const LIFE_MS = 3_600_000;
const form = z.tuple([z.string(), z.int(), z.literal([0, 1]), z.string().nullable()]);

/** A cursor serves the list that it came from: the same key, queue, state and filter. */
const sealOf = (bound: readonly string[]) =>
  createHash('sha256').update(JSON.stringify(bound)).digest('base64url').slice(0, 12);

export function writeCursor({ kind, cursor }: ListPosition, bound: readonly string[], nowMs: number): string {
  return Buffer.from(JSON.stringify([sealOf(bound), nowMs + LIFE_MS, kind, cursor])).toString('base64url');
}

function unusable(why: string): ProblemError {
  return new ProblemError('malformed', `The cursor ${why}; start the list again without it.`, {
    extra: { parameter: 'cursor' },
  });
}

/** @throws ProblemError `malformed` */
export function readCursor(text: string, bound: readonly string[], nowMs: number): ListPosition {
  let parsed: z.ZodSafeParseResult<z.output<typeof form>>;
  try {
    parsed = form.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString()));
  } catch {
    throw unusable('cannot be read');
  }
  if (!parsed.success) throw unusable('cannot be read');
  const [seal, untilMs, kind, cursor] = parsed.data;
  if (seal !== sealOf(bound)) throw unusable('belongs to another list');
  if (untilMs < nowMs) throw unusable('is older than an hour');
  return { kind, cursor };
}
