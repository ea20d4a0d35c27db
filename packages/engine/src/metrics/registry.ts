import {
  DEFINITIONS,
  definitionOf,
  type LabelValues,
  type MetricName,
  type NameOf,
} from './definitions/all.ts';
import type { HistogramDefinition, MetricDefinition } from './definitions/definition.ts';
import { Counter, Gauge, Histogram, type LabelSeries } from './handles.ts';
import type { WrittenFamily } from './samples.ts';
import { SeriesByLabels } from './series-by-labels.ts';

/** A metric whose series are asked for by the values of its labels, in the order of its definition. */
export interface Labelled<N extends MetricName, S> {
  with(...values: LabelValues<N>): S;
}

/** Makes a series of a definition. */
type Make<S> = (definition: MetricDefinition) => (labels: Readonly<Record<string, string>>) => S;

const makeCounter: Make<Counter> = () => (labels) => new Counter(labels);
const makeGauge: Make<Gauge> = () => (labels) => new Gauge(labels);
const makeHistogram: Make<Histogram> = (definition) => (labels) =>
  new Histogram(labels, (definition as HistogramDefinition).buckets);

/** All combinations of the values, if each label has few; else none. */
function closedSets({ labels, values = {} }: MetricDefinition): readonly (readonly string[])[] {
  if (labels.some((label) => values[label] === undefined)) return [];
  return labels.reduce<readonly (readonly string[])[]>(
    (sets, label) => sets.flatMap((set) => values[label]!.map((value) => [...set, value])),
    [[]],
  );
}

/**
 * The metrics that this process keeps. What they are called and what labels they have is in `definitions`: one without a definition
 * does not compile. Counting costs some nanoseconds where the series is kept, and less than 100 ns where it is asked for each time.
 */
export class Registry {
  readonly #metrics = new Map<MetricName, SeriesByLabels<LabelSeries>>();
  readonly #collectors = new Set<() => void>();

  counter<N extends NameOf<'counter'>>(name: N): Labelled<N, Counter> {
    return this.#metric(name, makeCounter);
  }

  gauge<N extends NameOf<'gauge'>>(name: N): Labelled<N, Gauge> {
    return this.#metric(name, makeGauge);
  }

  histogram<N extends NameOf<'histogram'>>(name: N): Labelled<N, Histogram> {
    return this.#metric(name, makeHistogram);
  }

  /** Has `collect` called before each reading, to bring up to date what is not counted as it happens. Returns what removes it. */
  onCollect(collect: () => void): () => void {
    this.#collectors.add(collect);
    return () => void this.#collectors.delete(collect);
  }

  /** All metrics that were asked for, in the order of the definitions. */
  families(): WrittenFamily[] {
    for (const collect of this.#collectors) collect();
    return (Object.keys(DEFINITIONS) as MetricName[]).flatMap((name) => {
      const series = this.#metrics.get(name)?.all;
      if (series === undefined) return [];
      const { type, help } = definitionOf(name);
      return [{ name, type, help, each: (visit) => series.forEach((one) => one.each(visit)) }];
    });
  }

  #metric<N extends MetricName, S extends LabelSeries>(name: N, make: Make<S>): Labelled<N, S> {
    const definition = definitionOf(name);
    let metric = this.#metrics.get(name) as SeriesByLabels<S> | undefined;
    if (metric === undefined) {
      metric = new SeriesByLabels(definition.labels, make(definition));
      this.#metrics.set(name, metric);
      if (definition.type === 'counter') for (const set of closedSets(definition)) metric.with(set);
    }
    const found = metric;
    return { with: (...values) => found.with(values as readonly string[]) };
  }
}
