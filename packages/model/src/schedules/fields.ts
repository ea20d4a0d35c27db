// Reads the fields of an object that somebody wrote, and collects everything that is wrong with it.
import { didYouMean } from '../did-you-mean.ts';
import { formatDuration, MAX_DURATION_MS, parseDuration, SECOND_MS } from '../durations.ts';
import { CONTROL_CHARACTERS } from '../texts.ts';

/** What is wrong with a value of a schedule. */
export interface ScheduleFault {
  /** Where, in the words of the caller: `['misfire', 'limit']`. */
  readonly path: readonly string[];
  /** What was found there, at most 64 characters; null = nothing, or what cannot be shown. */
  readonly got: string | null;
  /** What is allowed there, in words. */
  readonly expected: string;
}

/** The smallest and the largest value of a field, and the value of one that is left out. */
export interface FieldBounds<Default> {
  readonly min: number;
  readonly max: number;
  readonly fallback: Default;
}

const MAX_GOT_LENGTH = 64;
const MAX_NAME_LENGTH = 128;
const UNPRINTABLE = new RegExp(`[${CONTROL_CHARACTERS}]`, 'u');
const MIN_TIME_MS = Date.UTC(2000);

/** A name in the words of the library: `startsAt` for `starts_at`. */
const camelCase = (name: string): string =>
  name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

function shown(value: unknown): string | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid date' : value.toISOString();
  const isShown = ['string', 'number', 'boolean'].includes(typeof value);
  return isShown ? String(value).slice(0, MAX_GOT_LENGTH) : null;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The fields of one object. Null counts as left out, as answers of the API have it. A field that is wrong is read as its default: the
 * others are read all the same.
 */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: readonly string[];
  readonly #words: 'api' | 'library';
  readonly #faults: ScheduleFault[];

  constructor(
    value: unknown,
    words: 'api' | 'library',
    into: { path: readonly string[]; faults: ScheduleFault[] },
  ) {
    this.#path = into.path;
    this.#faults = into.faults;
    this.#words = words;
    this.#values = isObject(value) ? value : {};
    if (!isObject(value)) this.#faults.push({ path: into.path, got: shown(value), expected: 'an object' });
  }

  /** The value of a field, as it was written; undefined if it was left out. */
  given(name: string): unknown {
    const key = this.#key(name);
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? undefined) : undefined;
  }

  fault(name: string, expected: string): void {
    this.#faults.push({ path: [...this.#path, this.#key(name)], got: shown(this.given(name)), expected });
  }

  /** Refuses fields that are not known: misspelt, they would be ignored without a word. */
  checkNames(known: readonly string[], later: readonly string[] = []): void {
    const keys = known.map((name) => this.#key(name));
    for (const key of Object.keys(this.#values)) {
      if (keys.includes(key) || this.#values[key] === null || this.#values[key] === undefined) continue;
      const near = didYouMean(key, keys);
      const unknown = near === null ? 'no such field' : `no such field; did you mean ${near}?`;
      const expected = later.some((name) => this.#key(name) === key)
        ? 'nothing: it is not built yet'
        : unknown;
      this.#faults.push({ path: [...this.#path, key.slice(0, MAX_GOT_LENGTH)], got: null, expected });
    }
  }

  /** The fields of an object in a field. */
  inner(name: string): Fields {
    const into = { path: [...this.#path, this.#key(name)], faults: this.#faults };
    return new Fields(this.given(name) ?? {}, this.#words, into);
  }

  /** A text that people read: 1 to 128 characters. */
  text(name: string): string | null {
    const isText = (value: string) =>
      value.trim() !== '' &&
      value.length <= MAX_NAME_LENGTH &&
      value.isWellFormed() &&
      !UNPRINTABLE.test(value);
    return this.matching(name, isText, 'a text of 1 to 128 characters that is not blank');
  }

  /** A text that `isValid` accepts. */
  matching(name: string, isValid: (text: string) => boolean, expected: string): string | null {
    const value = this.given(name);
    if (value === undefined) return null;
    if (typeof value === 'string' && isValid(value)) return value;
    this.fault(name, expected);
    return null;
  }

  /** One of some words; the first one if it is left out. */
  choice<Word extends string>(name: string, words: readonly [Word, ...Word[]], later = ''): Word {
    const value = this.given(name);
    const word = value === undefined ? words[0] : words.find((known) => known === value);
    if (word !== undefined) return word;
    const isLater = value === later;
    this.fault(name, isLater ? `${words.join(', ')}: ${later} is not built yet` : words.join(', '));
    return words[0];
  }

  whole<Default>(name: string, { min, max, fallback }: FieldBounds<Default>): number | Default {
    const value = this.given(name);
    if (value === undefined) return fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    this.fault(name, `a whole number from ${min} to ${max}`);
    return fallback;
  }

  /** A length of time in ms, given in ms or as a text such as `10m`. */
  duration<Default>(name: string, { min, max, fallback }: FieldBounds<Default>): number | Default {
    const value = this.given(name);
    if (value === undefined) return fallback;
    const ms = typeof value === 'string' ? parseDuration(value) : value;
    if (typeof ms === 'number' && Number.isInteger(ms) && ms >= min && ms <= max) return ms;
    this.fault(name, `a duration from ${formatDuration(min)} to ${formatDuration(max)}`);
    return fallback;
  }

  /** A time in wall-clock ms, given so or as a `Date`. */
  time(name: string, nowMs: number): number | null {
    const value = this.given(name);
    if (value === undefined) return null;
    const ms = value instanceof Date ? value.getTime() : value;
    const isTime = typeof ms === 'number' && Number.isInteger(ms);
    if (isTime && ms >= MIN_TIME_MS && ms <= nowMs + MAX_DURATION_MS) return ms;
    this.fault(name, 'a time between 2000 and ten years from now');
    return null;
  }

  /** A time on a whole second, rounded up: nothing fires early. */
  wholeSecond(name: string, nowMs: number): number | null {
    const ms = this.time(name, nowMs);
    return ms === null ? null : Math.ceil(ms / SECOND_MS) * SECOND_MS;
  }

  #key(name: string): string {
    return this.#words === 'api' ? name : camelCase(name);
  }
}
