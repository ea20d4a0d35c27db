/** The head of an answer: status line and headers. Pure. */
import { isUtf8 } from 'node:buffer';
import { isHeaderName, quoted } from '../headers.ts';

export interface AnswerHead {
  readonly status: number;
  /** Of HTTP/1.x. */
  readonly minorVersion: number;
  /** Names in lower case; the values of repeated ones are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is wrong with it; null = nothing. A body after a wrong head cannot be found. */
  readonly fault: string | null;
}

const STATUS_LINE = /^HTTP\/1\.([01]) +([1-9]\d\d)(?=[ \r\n])/;
/** The status is known after this many characters. */
const START_LENGTH = 'HTTP/1.1 200 '.length;

/** Headers in another charset than UTF-8 are read byte by byte: each byte becomes one character. */
const headText = (bytes: Buffer): string => bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');

/** Why what has arrived cannot be the beginning of an answer; null = it can. */
export function startFault(bytes: Buffer): string | null {
  const start = bytes.subarray(0, 64).toString('latin1');
  const mayFollow = start.length < START_LENGTH && !start.includes('\n') && isPrefix(start);
  if (mayFollow || STATUS_LINE.test(start)) return null;
  return `it does not begin with a status line of HTTP/1.1, but with ${quoted(start)}`;
}

const isPrefix = (start: string): boolean =>
  start.length < 7 ? 'HTTP/1.'.startsWith(start) : start.startsWith('HTTP/1.');

/** Adds a header to those before it. Returns what is wrong with its line; null = nothing. */
function addHeader(headers: Map<string, string>, line: string): string | null {
  const colon = line.indexOf(':');
  // Some servers put blanks before the colon.
  const name = line.slice(0, Math.max(0, colon)).trimEnd().toLowerCase();
  if (!isHeaderName(name)) return `a header line is not valid: ${quoted(line)}`;
  const value = line.slice(colon + 1).trim();
  const before = headers.get(name);
  headers.set(name, before === undefined ? value : `${before}, ${value}`);
  return null;
}

/** Puts lines that are continued (by a blank at the start of the next one, as old servers do) back together. */
function unfold(lines: readonly string[]): string[] {
  const whole: string[] = [];
  for (const line of lines) {
    if (/^[ \t]/.test(line) && whole.length > 0) whole.push(`${whole.pop()} ${line.trim()}`);
    else whole.push(line);
  }
  return whole;
}

/**
 * Reads a head, or what has arrived of one: of that the whole lines count. Lines may end with a bare LF.
 * Null = it has no status yet.
 */
export function parseHead(bytes: Buffer): AnswerHead | null {
  const text = headText(bytes);
  const [, minor, status] = STATUS_LINE.exec(text) ?? [];
  if (status === undefined) return null;
  const lines = text.split('\n').slice(1, -1);
  const headers = new Map<string, string>();
  const faults = unfold(lines.map((line) => line.replace(/\r$/, '')))
    .filter((line) => line !== '')
    .map((line) => addHeader(headers, line));
  return {
    status: Number(status),
    minorVersion: Number(minor),
    headers: Object.fromEntries(headers),
    fault: faults.find((fault) => fault !== null) ?? null,
  };
}
