const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** A number in [0, 1) that a text always has, and a similar text has not: FNV-1a, mixed as in MurmurHash 3. */
function shareOf(text: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** What the jitter of a fire depends on. */
export interface JitteredFire {
  /** The stored name of the schedule. */
  readonly name: string;
  readonly fireMs: number;
  /** The fire after it; null = none is known. */
  readonly nextMs: number | null;
}

/**
 * How long after its logical time a fire's tasks start: a part of the span, always the same one for the same fire. It ends before
 * the next fire, whose tasks would otherwise overtake it.
 */
export function jitterMs({ name, fireMs, nextMs }: JitteredFire, spanMs: number): number {
  const roomMs = nextMs === null ? spanMs : Math.min(spanMs, nextMs - fireMs);
  return Math.floor(shareOf(`${name}\n${fireMs}`) * roomMs);
}
