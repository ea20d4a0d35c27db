import type { Quarantined } from '../../../broker/maintain.ts';

// What scripts reply. The codes for each task, lease or finish are in CODE (`codes.lua`).

/** A reply instead of the script's own: a key has a wrong type, or the call is a late duplicate of an older one. */
export type Refusal = { readonly corrupt: string } | { readonly stale: true };

const CORRUPT = '!';
const STALE = '!stale';

/** The text of a blob. */
export function textOf(raw: unknown): string {
  return String(raw);
}

/** The text of a blob, null for nil. */
export function textOrNull(raw: unknown): string | null {
  return raw === null || raw === undefined ? null : textOf(raw);
}

/** The refusal in a reply, or null for a reply of the script's own kind. */
export function refusalIn(raw: unknown): Refusal | null {
  if (!Buffer.isBuffer(raw) && typeof raw !== 'string') return null;
  const text = textOf(raw);
  if (text === STALE) return { stale: true };
  return text.startsWith(CORRUPT) ? { corrupt: text.slice(CORRUPT.length) } : null;
}

/** The IDs without a task that a script has dropped; empty if there are none. */
export function quarantinedIn(raw: readonly unknown[]): Quarantined {
  return raw.length > 0 ? { quarantined: raw.map(textOf) } : {};
}
