import type { MetricType } from './definitions/definition.ts';

/** A value of a metric, under one set of labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** A histogram has several samples per set of labels; the name of each is the metric's with this at its end. */
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

/** A metric, with its samples. */
export interface MetricFamily {
  /** Only `a` to `z`, digits and `_`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** A set of labels as it is written, once for all the samples and scrapes that it is in. */
export interface WrittenLabels {
  readonly labels: Sample['labels'];
  /** '' = none. */
  readonly suffix: Sample['suffix'] | '';
  /** All of a line between the name and the value: `{queue="orders"}`. */
  readonly text: string;
}

/** Called with each sample of a metric. There may be 50,000 in a scrape: no object is made for any. */
export type Visit = (labels: WrittenLabels, value: number) => void;

/** A metric whose samples are told one after the other. */
export interface WrittenFamily extends Omit<MetricFamily, 'samples'> {
  each(visit: Visit): void;
}

const VALUE_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };
const escapeValue = (text: string): string => text.replace(/[\\"\n]/g, (char) => VALUE_ESCAPES[char] ?? char);

/** Writes a set of labels. @param suffix of the metric's name */
export function writeLabels(labels: Sample['labels'], suffix: WrittenLabels['suffix'] = ''): WrittenLabels {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return { labels, suffix, text: `${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''}` };
}

/** Metrics are in seconds. @param ms null = there is none: 0 */
export const inSeconds = (ms: number | null): number => (ms ?? 0) / 1_000;

/** The family as an object. */
export function familyOf({ each, ...family }: WrittenFamily): MetricFamily {
  const samples: Sample[] = [];
  each(({ labels, suffix }, value) => samples.push({ labels, value, ...(suffix && { suffix }) }));
  return { ...family, samples };
}
