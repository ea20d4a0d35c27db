import { parseDuration, type DurationText } from '@task-center/model';
import { durationMs } from '../checks/duration.ts';
import type { EnqueueOptions } from '../client/enqueue-options.ts';
import { parseOption, writeOption, type EntryOption } from '../protocol/option-strings.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

// Options in Asynq's names, and ours beside them, by how their values are written.
const DURATIONS = [
  ['Timeout', 'timeout'],
  ['Unique', 'unique'],
  ['ProcessIn', 'delay'],
  ['Retention', 'retention'],
] as const;
const DATES = [
  ['Deadline', 'deadline'],
  ['ProcessAt', 'runAt'],
] as const;
const TEXTS = [
  ['Queue', 'queue'],
  ['TaskID', 'id'],
  ['Group', 'group'],
] as const;

/**
 * The options of an entry as Asynq's scheduler writes them, such as `Queue("low")`. Options that Asynq does not have
 * (context, backoff, durability) are left out. See docs/design/protocol.md#option-strings.
 *
 * @throws TaskCenterError `invalid-value` for a duration that is not valid
 */
export function optionTexts(options: EnqueueOptions): string[] {
  const entryOptions: EntryOption[] = [];
  for (const [name, key] of TEXTS) {
    const value = options[key];
    if (value !== undefined) entryOptions.push({ name, value });
  }
  if (options.maxRetries !== undefined) entryOptions.push({ name: 'MaxRetry', value: options.maxRetries });
  for (const [name, key] of DURATIONS) {
    const value = options[key];
    if (value !== undefined) entryOptions.push({ name, ms: durationMs(value, key) });
  }
  for (const [name, key] of DATES) {
    const atMs = options[key]?.getTime();
    if (atMs !== undefined && !Number.isNaN(atMs)) entryOptions.push({ name, atMs });
  }
  for (const [key, value] of Object.entries(options.headers ?? {}))
    entryOptions.push({ name: 'Header', key, value });
  return entryOptions.map(writeOption);
}

/** A duration as `durationMs` reads it; null if we cannot write it, such as a negative one. */
function durationText(ms: number): DurationText | null {
  const wholeMs = Math.round(ms);
  const text: DurationText = wholeMs % 1_000 === 0 ? `${wholeMs / 1_000}s` : `${wholeMs}ms`;
  return parseDuration(text) === null ? null : text;
}

function applyOption(options: Writable<EnqueueOptions>, option: EntryOption): void {
  switch (option.name) {
    case 'MaxRetry':
      options.maxRetries = option.value;
      return;
    case 'Header':
      options.headers = { ...options.headers, [option.key]: option.value };
      return;
    default:
  }
  for (const [name, key] of TEXTS) if (option.name === name) options[key] = option.value;
  for (const [name, key] of DATES) if (option.name === name) options[key] = new Date(option.atMs);
  for (const [name, key] of DURATIONS) {
    const text = option.name === name ? durationText(option.ms) : null;
    if (text !== null) options[key] = text;
  }
}

/** Reads the options in an entry's texts, which Asynq or we have written. Texts that are not valid are ignored. */
export function optionsOf(entryTexts: readonly string[]): EnqueueOptions {
  const options: Writable<EnqueueOptions> = {};
  for (const text of entryTexts) {
    const option = parseOption(text);
    if (option) applyOption(options, option);
  }
  return options;
}
