import { BoundedLabels } from './bounded-labels.ts';
import type { LabelSeries } from './handles.ts';
import type { Sample } from './samples.ts';

/** A level of the labels: by value, the next level, or the series of the last one. */
type Level<S> = Map<string, Level<S> | S>;

/** The series of one metric, each found by the values of its labels. */
export class SeriesByLabels<S extends LabelSeries> {
  readonly #labels: readonly string[];
  readonly #bounded: BoundedLabels;
  readonly #make: (labels: Sample['labels']) => S;
  readonly #root: Level<S> = new Map();
  /** In the order in which they came. */
  readonly #all: S[] = [];

  constructor(labels: readonly string[], make: (labels: Sample['labels']) => S) {
    this.#labels = labels;
    this.#bounded = new BoundedLabels(labels);
    this.#make = make;
    if (labels.length === 0) this.#add([]);
  }

  get all(): readonly S[] {
    return this.#all;
  }

  /** The series of these values, in the order of the labels; that of `other` where there is no room for more. */
  with(values: readonly string[]): S {
    return this.#find(values) ?? this.#within(this.#bounded.bound(values));
  }

  #within(values: readonly string[]): S {
    return this.#find(values) ?? this.#add(values);
  }

  /** Goes down the levels: no text is put together for a series that is known. */
  #find(values: readonly string[]): S | undefined {
    if (values.length === 0) return this.#all[0];
    let at: Level<S> | S | undefined = this.#root;
    for (const value of values) {
      at = (at as Level<S>).get(value);
      if (at === undefined) return undefined;
    }
    return at as S;
  }

  #add(values: readonly string[]): S {
    const series = this.#make(Object.fromEntries(this.#labels.map((label, i) => [label, values[i]!])));
    this.#all.push(series);
    let level = this.#root;
    for (const value of values.slice(0, -1)) {
      const next = (level.get(value) as Level<S> | undefined) ?? new Map<string, Level<S> | S>();
      level.set(value, next);
      level = next;
    }
    if (values.length > 0) level.set(values.at(-1)!, series);
    return series;
  }
}
