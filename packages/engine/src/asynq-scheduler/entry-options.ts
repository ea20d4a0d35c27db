import type { EnqueueOptions } from '../client/enqueue-options.ts';
import { parseOption, writeOption, type EntryOption } from '../protocol/option-strings.ts';
import { durationMs, parseDuration, type Duration } from '../task/duration.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const lengths = [
  ['Timeout', 'timeout'],
  ['Unique', 'unique'],
  ['ProcessIn', 'delay'],
  ['Retention', 'retention'],
] as const;
const moments = [
  ['Deadline', 'deadline'],
  ['ProcessAt', 'runAt'],
] as const;
const texts = [
  ['Queue', 'queue'],
  ['TaskID', 'id'],
  ['Group', 'group'],
] as const;

/**
 * The options of an entry as Asynq's scheduler shows them (protocol 2.6). What Asynq has no option for (context,
 * backoff, durability) is not shown.
 *
 * @throws TaskCenterError `invalid-value` for a duration or a date that is none
 */
export function optionTexts(options: EnqueueOptions): string[] {
  const all: EntryOption[] = [];
  for (const [name, key] of texts) {
    const value = options[key];
    if (value !== undefined) all.push({ name, value });
  }
  if (options.maxRetries !== undefined) all.push({ name: 'MaxRetry', value: options.maxRetries });
  for (const [name, key] of lengths) {
    const value = options[key];
    if (value !== undefined) all.push({ name, ms: durationMs(value, key) });
  }
  for (const [name, key] of moments) {
    const atMs = options[key]?.getTime();
    if (atMs !== undefined && !Number.isNaN(atMs)) all.push({ name, atMs });
  }
  for (const [key, value] of Object.entries(options.headers ?? {})) all.push({ name: 'Header', key, value });
  return all.map(writeOption);
}

/** As `durationMs` reads it; null for one that we have no text for, such as a negative one. */
function durationText(ms: number): Duration | null {
  const whole = Math.round(ms);
  const text = whole % 1_000 === 0 ? `${whole / 1_000}s` : `${whole}ms`;
  return parseDuration(text) === null ? null : text;
}

function take(into: Writable<EnqueueOptions>, option: EntryOption): void {
  switch (option.name) {
    case 'MaxRetry':
      into.maxRetries = option.value;
      return;
    case 'Header':
      into.headers = { ...into.headers, [option.key]: option.value };
      return;
    default:
  }
  for (const [name, key] of texts) if (option.name === name) into[key] = option.value;
  for (const [name, key] of moments) if (option.name === name) into[key] = new Date(option.atMs);
  for (const [name, key] of lengths) {
    const text = option.name === name ? durationText(option.ms) : null;
    if (text !== null) into[key] = text;
  }
}

/** The options in an entry's texts, Asynq's or ours; a text that is none, or not known, is left out. */
export function optionsOf(entryTexts: readonly string[]): EnqueueOptions {
  const options: Writable<EnqueueOptions> = {};
  for (const text of entryTexts) {
    const option = parseOption(text);
    if (option) take(options, option);
  }
  return options;
}
