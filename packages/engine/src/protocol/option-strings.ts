import { goDuration, parseGoDuration } from '@task-center/model';
import { goQuoted } from '../errors/go-quoted.ts';
import { goUnquoted } from './go-unquote.ts';

/**
 * An option of a scheduler's entry. Asynq's schedulers publish options as the texts that Go prints, such as `Timeout(1m30s)`;
 * this module writes and reads them. Durations (`ms`) in ms, times (`atMs`) in wall-clock ms.
 */
export type EntryOption =
  | { readonly name: 'MaxRetry'; readonly value: number }
  | { readonly name: 'Queue' | 'TaskID' | 'Group'; readonly value: string }
  | { readonly name: 'Timeout' | 'Unique' | 'ProcessIn' | 'Retention'; readonly ms: number }
  | { readonly name: 'Deadline' | 'ProcessAt'; readonly atMs: number }
  | { readonly name: 'Header'; readonly key: string; readonly value: string };

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DATE = /^\w{3} (\w{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) \S+ (\d{4})$/;
/** Characters that Go's JSON encoder escapes, unlike `JSON.stringify`. */
const ESCAPED_BY_GO = /[<>&\u2028\u2029]/g;

/** A time as Go prints it in UTC. A fraction of a second is rounded up: a Go program is then never early. */
function goDate(atMs: number): string {
  const date = new Date(Math.ceil(atMs / 1_000) * 1_000);
  const day = String(date.getUTCDate()).padStart(2);
  const year = String(date.getUTCFullYear()).padStart(4, '0');
  const time = date.toISOString().slice(-13, -5);
  return `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${day} ${time} UTC ${year}`;
}

/** Parses a date that Go has printed. The abbreviation of a zone has no offset: it counts as UTC, as Go reads unknown ones. */
function parseGoDate(text: string): number | null {
  const match = DATE.exec(text);
  if (!match) return null;
  const month = MONTHS.indexOf(match[1] ?? '');
  const [day = 0, hour = 0, minute = 0, second = 0, year = 0] = match.slice(2).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  date.setUTCHours(hour, minute, second);
  const exact = date.getUTCMonth() === month && date.getUTCDate() === day && date.getUTCHours() === hour;
  return exact && minute < 60 && second < 60 ? date.getTime() : null;
}

function jsonPair(key: string, value: string): string {
  const escape = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify([key.toWellFormed(), value.toWellFormed()]).replace(ESCAPED_BY_GO, escape);
}

/** The text of an option, as Go's scheduler writes it. */
export function writeOption(option: EntryOption): string {
  switch (option.name) {
    case 'MaxRetry':
      return `MaxRetry(${option.value})`;
    case 'Queue':
    case 'TaskID':
    case 'Group':
      return `${option.name}(${goQuoted(option.value)})`;
    case 'Deadline':
    case 'ProcessAt':
      return `${option.name}(${goDate(option.atMs)})`;
    case 'Header':
      return `Header(${jsonPair(option.key, option.value)})`;
    default:
      return `${option.name}(${goDuration(option.ms)})`;
  }
}

function parseHeader(argument: string): EntryOption | null {
  try {
    const pair: unknown = JSON.parse(argument);
    if (!Array.isArray(pair) || pair.length !== 2) return null;
    const [key, value] = pair as readonly unknown[];
    return typeof key === 'string' && typeof value === 'string' ? { name: 'Header', key, value } : null;
  } catch {
    return null;
  }
}

function parseArgument(name: string, argument: string): EntryOption | null {
  switch (name) {
    case 'MaxRetry':
      return /^[+-]?\d{1,15}$/.test(argument) ? { name, value: Number(argument) } : null;
    case 'Queue':
    case 'TaskID':
    case 'Group': {
      const value = goUnquoted(argument);
      return value === null ? null : { name, value };
    }
    case 'Timeout':
    case 'Unique':
    case 'ProcessIn':
    case 'Retention': {
      const ms = parseGoDuration(argument);
      return ms === null ? null : { name, ms };
    }
    case 'Deadline':
    case 'ProcessAt': {
      const atMs = parseGoDate(argument);
      return atMs === null ? null : { name, atMs };
    }
    case 'Header':
      return parseHeader(argument);
    default:
      return null;
  }
}

/**
 * Parses the text of an option; null for an unknown or malformed one. Unlike Go's inspector, it reads every kind of option,
 * and values that contain a `)`.
 */
export function parseOption(text: string): EntryOption | null {
  const open = text.indexOf('(');
  if (open === -1 || !text.endsWith(')')) return null;
  return parseArgument(text.slice(0, open), text.slice(open + 1, -1));
}
