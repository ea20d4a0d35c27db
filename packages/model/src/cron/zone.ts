// The clocks of IANA time zones, by `Intl`, which knows all of them. A local time is written as the ms since 1970 that the
// local clock shows.

import { DAY_MS, SECOND_MS } from '../durations.ts';
import type { CronFault } from './reading.ts';

/** A moment at which a zone's clock is set. */
export interface ClockChange {
  readonly atMs: number;
  /** Local time less UTC, ms, before and from `atMs`. */
  readonly oldOffsetMs: number;
  readonly newOffsetMs: number;
}

export interface Zone {
  /** Local time less UTC at a moment, ms. */
  offsetMs(atMs: number): number;
  /** The changes after `fromMs`, up to and with `toMs`, in order. */
  changes(fromMs: number, toMs: number): Iterable<ClockChange>;
}

/** Offsets are looked up this far apart. No zone has had two changes that cancel each other within less, since 1970. */
const LOOK_UP_MS = 4 * DAY_MS;
/** What is remembered together. */
const SPAN_MS = 8 * LOOK_UP_MS;
/** Spans per zone: some forty years. */
const MAX_SPANS = 500;
const MAX_ZONES = 1_000;

const UTC: Zone = { offsetMs: () => 0, changes: () => [] };

/** Looks offsets up. Null if the zone is unknown. */
function offsetsOf(timeZone: string): ((atMs: number) => number) | null {
  const numeric = 'numeric';
  const fields = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric } as const;
  const calendar = { calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23' } as const;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone, ...calendar, ...fields, second: numeric });
  } catch {
    return null;
  }
  return (atMs) => {
    const wholeMs = Math.floor(atMs / SECOND_MS) * SECOND_MS;
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = (
      format.format(wholeMs).match(/\d+/g) ?? []
    ).map(Number);
    return Date.UTC(year, month - 1, day, hour, minute, second) - wholeMs;
  };
}

/** A stretch of time in a zone. */
interface Span {
  readonly offsetMs: number;
  readonly changes: readonly ClockChange[];
}

class IanaZone implements Zone {
  readonly #lookUp: (atMs: number) => number;
  /** By their number since 1970. */
  readonly #spans = new Map<number, Span>();

  constructor(lookUp: (atMs: number) => number) {
    this.#lookUp = lookUp;
  }

  offsetMs(atMs: number): number {
    let { offsetMs, changes } = this.#spanAt(Math.floor(atMs / SPAN_MS));
    for (const change of changes) if (change.atMs <= atMs) offsetMs = change.newOffsetMs;
    return offsetMs;
  }

  *changes(fromMs: number, toMs: number): Iterable<ClockChange> {
    for (let number = Math.floor(fromMs / SPAN_MS); number * SPAN_MS <= toMs; number += 1)
      for (const change of this.#spanAt(number).changes)
        if (change.atMs > fromMs && change.atMs <= toMs) yield change;
  }

  #spanAt(number: number): Span {
    const known = this.#spans.get(number);
    if (known) return known;
    if (this.#spans.size >= MAX_SPANS) this.#spans.clear();
    const span = this.#look(number * SPAN_MS);
    this.#spans.set(number, span);
    return span;
  }

  /** A change at the very start belongs to the span. */
  #look(startMs: number): Span {
    const offsetMs = this.#lookUp(startMs - SECOND_MS);
    const changes: ClockChange[] = [];
    let [lowMs, low] = [startMs - SECOND_MS, offsetMs];
    for (let highMs = startMs + LOOK_UP_MS; highMs <= startMs + SPAN_MS; highMs += LOOK_UP_MS) {
      const high = this.#lookUp(highMs - SECOND_MS);
      if (high !== low)
        changes.push({
          atMs: this.#changeBetween(lowMs, highMs - SECOND_MS),
          oldOffsetMs: low,
          newOffsetMs: high,
        });
      [lowMs, low] = [highMs - SECOND_MS, high];
    }
    return { offsetMs, changes };
  }

  /** The first second with another offset than at `lowMs`. */
  #changeBetween(lowMs: number, highMs: number): number {
    const low = this.#lookUp(lowMs);
    let [before, after] = [lowMs / SECOND_MS, highMs / SECOND_MS];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.#lookUp(middle * SECOND_MS) === low) before = middle;
      else after = middle;
    }
    return after * SECOND_MS;
  }
}

/** Zones keep what they have looked up, so each is made once. */
const zones = new Map<string, Zone>([['UTC', UTC]]);

/** The zone of an IANA name; null for an unknown name. An offset such as `+02:00` is not a name. */
export function zoneOf(name: string): Zone | null {
  const known = zones.get(name);
  if (known) return known;
  const lookUp = /^[A-Za-z]/.test(name) ? offsetsOf(name) : null;
  if (!lookUp) return null;
  // Names may be written in many ways: `europe/BERLIN`.
  if (zones.size >= MAX_ZONES) zones.clear();
  const zone = new IanaZone(lookUp);
  zones.set(name, zone);
  return zone;
}

/** The zone of an IANA name, or why it is refused. */
export function readZone(name: string): Zone | CronFault {
  return zoneOf(name) ?? { field: 'time zone', got: name, expected: 'a name such as "Europe/Berlin"' };
}
