import type { AttemptRecord } from '@task-center/model';
import type { Count } from './series.ts';

// What the history keeps of an attempt to deliver a callback: to which host, and how it ended. The engine does not read callbacks
// otherwise; one that is not as expected has no host.

const END_OF_HOST = /[/?#\\]/;
/** Longer ones are no names of hosts. */
const MAX_HOST_LENGTH = 300;

/** Host and port of a callback's URL, without what stands before an `@`; null = it has none. Not parsed: that takes ten times as long. */
export function hostOf(callback: unknown): string | null {
  if (typeof callback !== 'object' || callback === null || !('url' in callback)) return null;
  const { url } = callback;
  if (typeof url !== 'string') return null;
  const start = url.indexOf('://');
  if (start < 0) return null;
  const rest = url.slice(start + 3, start + 3 + MAX_HOST_LENGTH);
  const end = rest.search(END_OF_HOST);
  const authority = end < 0 ? rest : rest.slice(0, end);
  return authority.slice(authority.lastIndexOf('@') + 1).toLowerCase() || null;
}

/** Classes of errors that have a count of their own. Others are `error`. */
const BY_ERROR: Readonly<Record<string, Count | null>> = {
  timeout: 'callbacks:timeout',
  connect_timeout: 'callbacks:timeout',
  connect: 'callbacks:refused',
  // Somebody has ended it: that says nothing about the host.
  cancelled: null,
};

const BY_HUNDREDS: readonly (Count | undefined)[] = [
  undefined,
  undefined,
  'callbacks:2xx',
  'callbacks:3xx',
  'callbacks:4xx',
  'callbacks:5xx',
];

/** Which count an ended attempt belongs to; null = none. */
export function callbackClass({ outcome, error }: AttemptRecord): Count | null {
  if (outcome === 'succeeded') return 'callbacks:2xx';
  if (!error) return null;
  if (error.status !== undefined) return BY_HUNDREDS[Math.floor(error.status / 100)] ?? 'callbacks:error';
  const named = BY_ERROR[error.class];
  return named === undefined ? 'callbacks:error' : named;
}
