import type { Quarantined } from '../../../broker/maintain.ts';
import type { Receipt } from '../calls/receipts.ts';

/** What a script says instead of its reply: it could not use a key, or the call is a late duplicate of an older one. */
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

/** The refusal in a reply, or null when it is a reply of the script's own kind. */
export function refusalIn(raw: unknown): Refusal | null {
  if (!Buffer.isBuffer(raw) && typeof raw !== 'string') return null;
  const text = textOf(raw);
  if (text === STALE) return { stale: true };
  return text.startsWith(CORRUPT) ? { corrupt: text.slice(CORRUPT.length) } : null;
}

/** IDs that a script has dropped, as there is no task, if there were some. */
export function quarantinedIn(raw: readonly unknown[]): Quarantined {
  return raw.length > 0 ? { quarantined: raw.map(textOf) } : {};
}

/** What every script with a receipt takes first. */
export function receiptArgs({ slot, sequence }: Receipt): readonly [number, number] {
  return [slot, sequence];
}
