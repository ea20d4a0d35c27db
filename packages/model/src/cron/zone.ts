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
  /** The changes after `fromMs`, up to and with `toMs`, in order; none before 1970. */
  changes(fromMs: number, toMs: number): Iterable<ClockChange>;
}

/** Offsets are looked up this far apart. No zone has had two changes that cancel each other within less, since 1970. */
const STEP_MS = 4 * DAY_MS;
/** Offsets that are remembered per zone: the forty years that a search may look at, and more. */
const MAX_OFFSETS = 4_000;
/** There are some 600 names. */
const MAX_ZONES = 600;

const UTC: Zone = { offsetMs: () => 0, changes: () => [] };

/** Looks offsets up. Null if the zone is unknown. */
function offsetsOf(timeZone: string): ((atMs: number) => number) | null {
  const numeric = 'numeric';
  // Without month and year, which are a third of the work: the local day is that of UTC, the one before or the one after.
  const fields = { day: numeric, hour: numeric, minute: numeric, second: numeric } as const;
  const calendar = { calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23' } as const;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone, ...calendar, ...fields });
  } catch {
    return null;
  }
  return (atMs) => {
    const wholeMs = Math.floor(atMs / SECOND_MS) * SECOND_MS;
    const [day = 0, hour = 0, minute = 0, second = 0] = (format.format(wholeMs).match(/\d+/g) ?? []).map(
      Number,
    );
    const startMs = Math.floor(wholeMs / DAY_MS) * DAY_MS;
    const isSameDay = day === new Date(startMs).getUTCDate();
    const daysAhead = isSameDay ? 0 : day === new Date(startMs + DAY_MS).getUTCDate() ? 1 : -1;
    return startMs + daysAhead * DAY_MS + (hour * 3_600 + minute * 60 + second) * SECOND_MS - wholeMs;
  };
}

class IanaZone implements Zone {
  readonly #lookUp: (atMs: number) => number;
  /** Just before the start of each step, by the step's number since 1970. */
  readonly #offsets = new Map<number, number>();
  /** Of the steps that have one. */
  readonly #changes = new Map<number, ClockChange>();

  constructor(lookUp: (atMs: number) => number) {
    this.#lookUp = lookUp;
  }

  offsetMs(atMs: number): number {
    const step = Math.floor(atMs / STEP_MS);
    const change = this.#changeIn(step);
    return change && change.atMs <= atMs ? change.newOffsetMs : this.#offsetBefore(step);
  }

  *changes(fromMs: number, toMs: number): Iterable<ClockChange> {
    for (let step = Math.floor(Math.max(fromMs, 0) / STEP_MS); step * STEP_MS <= toMs; step += 1) {
      const change = this.#changeIn(step);
      if (change && change.atMs > fromMs && change.atMs <= toMs) yield change;
    }
  }

  #offsetBefore(step: number): number {
    const known = this.#offsets.get(step);
    if (known !== undefined) return known;
    if (this.#offsets.size >= MAX_OFFSETS) {
      this.#offsets.clear();
      this.#changes.clear();
    }
    const offsetMs = this.#lookUp(step * STEP_MS - SECOND_MS);
    this.#offsets.set(step, offsetMs);
    return offsetMs;
  }

  /** The change of a step, to which one at its very start belongs. */
  #changeIn(step: number): ClockChange | undefined {
    const [oldOffsetMs, newOffsetMs] = [this.#offsetBefore(step), this.#offsetBefore(step + 1)];
    if (oldOffsetMs === newOffsetMs) return undefined;
    const known = this.#changes.get(step);
    if (known) return known;
    const [lowMs, highMs] = [step * STEP_MS - SECOND_MS, (step + 1) * STEP_MS - SECOND_MS];
    const change = { atMs: this.#changeBetween(lowMs, highMs), oldOffsetMs, newOffsetMs };
    this.#changes.set(step, change);
    return change;
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
