import { writeLabels, type Sample, type Visit, type WrittenLabels } from './samples.ts';

// What is counted with: one object for each metric and set of labels. What counts keeps it, and counting is then an addition.

/** A counter or a gauge under one set of labels. */
export interface LabelSeries {
  each(visit: Visit): void;
}

/** A number that only grows. */
export class Counter implements LabelSeries {
  readonly #labels: WrittenLabels;
  #value = 0;

  constructor(labels: Sample['labels']) {
    this.#labels = writeLabels(labels);
  }

  /** @param amount 0 or more */
  add(amount = 1): void {
    this.#value += amount;
  }

  /** Takes over a counter that something else keeps, such as the CPU time of this process. */
  advanceTo(value: number): void {
    this.#value = value;
  }

  each(visit: Visit): void {
    visit(this.#labels, this.#value);
  }
}

/** A number that rises and falls. It has no sample before it was set. */
export class Gauge implements LabelSeries {
  readonly #labels: WrittenLabels;
  #value: number | null = null;

  constructor(labels: Sample['labels']) {
    this.#labels = writeLabels(labels);
  }

  set(value: number): void {
    this.#value = value;
  }

  /** Has no sample until it is set again: what it shows is unknown. */
  clear(): void {
    this.#value = null;
  }

  /** @param amount may be negative */
  add(amount: number): void {
    this.#value = (this.#value ?? 0) + amount;
  }

  each(visit: Visit): void {
    if (this.#value !== null) visit(this.#labels, this.#value);
  }
}

/** The lines of a histogram: its buckets, then sum and count. */
interface HistogramLines {
  readonly buckets: readonly WrittenLabels[];
  readonly sum: WrittenLabels;
  readonly count: WrittenLabels;
}

/** How often values fell between bounds, and their sum. */
export class Histogram implements LabelSeries {
  readonly #labels: Sample['labels'];
  readonly #bounds: readonly number[];
  /** One more than there are bounds: the last is for what lies beyond them. */
  readonly #counts: Float64Array;
  #sum = 0;
  /** Written when they are first read: most labels of a short life never are. */
  #lines: HistogramLines | undefined;

  constructor(labels: Sample['labels'], bounds: readonly number[]) {
    this.#labels = labels;
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** Counts a value in the first bucket whose bound it does not exceed. Less than 0, which only a clock can say, counts as 0. */
  observe(value: number): void {
    const at = value > 0 ? value : 0;
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && at > bounds[bucket]!) bucket += 1;
    this.#counts[bucket]! += 1;
    this.#sum += at;
  }

  /** Buckets are cumulative, as Prometheus has them: each counts those before it, too. */
  each(visit: Visit): void {
    const { buckets, sum, count } = (this.#lines ??= this.#write());
    let counted = 0;
    for (const [i, labels] of buckets.entries()) visit(labels, (counted += this.#counts[i]!));
    visit(sum, this.#sum);
    visit(count, counted);
  }

  #write(): HistogramLines {
    const labels = this.#labels;
    const bounds = [...this.#bounds.map(String), '+Inf'];
    return {
      buckets: bounds.map((le) => writeLabels({ ...labels, le }, '_bucket')),
      sum: writeLabels(labels, '_sum'),
      count: writeLabels(labels, '_count'),
    };
  }
}
