// How a history looks for people: a line for each series, with its figures and a small chart.

import { HISTORY_METRICS, type MetricsHistory } from '@task-center/api';
import type { Column } from '../output.ts';

type Series = MetricsHistory['series'][number];
type Value = Series['points'][number][1];
type Spans = Exclude<Value, number>;

const STEP_MS: Readonly<Record<MetricsHistory['step'], number>> = { '1m': 60_000, '1h': 3_600_000 };
/** Most cells of a chart. Longer times have several steps in a cell: the largest is shown. */
const MAX_CELLS = 60;
const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** The time that all series together cover. */
export interface Span {
  readonly from: string;
  readonly to: string;
  readonly stepMs: number;
}

/** Null = there are no points. */
export function spanOf(series: readonly Series[], step: MetricsHistory['step']): Span | null {
  const times = series.flatMap(({ points }) => points.map(([at]) => Date.parse(at)));
  if (times.length === 0) return null;
  const stepMs = STEP_MS[step];
  const [first, last] = times.reduce(([min, max], at) => [Math.min(min, at), Math.max(max, at)], [
    Infinity,
    -Infinity,
  ] as [number, number]);
  return { from: new Date(first).toISOString(), to: new Date(last + stepMs).toISOString(), stepMs };
}

/** What a chart shows of a value: of lengths of time those that 95 % do not exceed. */
const height = (value: Value): number => (typeof value === 'number' ? value : value.p95);

/** A bar for each step, or for several; blank = 0, or no value. The highest bar is the series' own largest value. */
export function chart({ points }: Pick<Series, 'points'>, { from, to, stepMs }: Span): string {
  const [first, end] = [Date.parse(from), Date.parse(to)];
  const steps = Math.round((end - first) / stepMs);
  const perCell = Math.ceil(steps / MAX_CELLS);
  const cells = Array.from({ length: Math.ceil(steps / perCell) }, () => 0);
  for (const [at, value] of points) {
    const cell = Math.floor((Date.parse(at) - first) / stepMs / perCell);
    cells[cell] = Math.max(cells[cell] ?? 0, height(value));
  }
  const top = Math.max(...cells);
  const bar = (part: number) => (part <= 0 ? ' ' : BARS[Math.ceil(part * BARS.length) - 1]!);
  return cells.map((value) => bar(top === 0 ? 0 : value / top)).join('');
}

/** The name of a series, with the class of its callbacks where it has one. */
function seriesName({ labels }: Series): string {
  const { class: callbackClass, ...named } = labels;
  const name = Object.values(named)[0] ?? 'other';
  return callbackClass ? `${name} ${callbackClass}` : name;
}

/** By what the series are told apart. */
const nameLabel = ([first]: readonly Series[]): string =>
  Object.keys(first?.labels ?? {}).find((label) => label !== 'class') ?? '';

/** Points of counts and samples are numbers; those of lengths of time are percentiles, and have no sum. */
const isNumber = (value: Value | undefined): value is number => typeof value === 'number';
const sum = (values: readonly Value[]): number => values.filter(isNumber).reduce((a, b) => a + b, 0);
const valuesOf = ({ points }: Series): Value[] => points.map(([, value]) => value);
const gapValues = ({ gaps }: Series): Value[] => gaps.map(({ value }) => value);
const rounded = (value: number): string => String(Math.round(value * 10) / 10);

/** The figures of lengths of time: those of the last step, since percentiles of steps cannot be added. */
const SPAN_COLUMNS: readonly Column<Series>[] = (['p50', 'p95', 'p99'] as const).map((part) => ({
  title: `last ${part}`,
  right: true,
  text(series) {
    const last = valuesOf(series).at(-1) as Spans | undefined;
    return last === undefined ? '-' : rounded(last[part]);
  },
}));

const LAST: Column<Series> = {
  title: 'last',
  right: true,
  text: (series) => rounded(sum(valuesOf(series).slice(-1))),
};
/** What is counted has a sum; that of samples would mean nothing. */
const COUNT_COLUMNS: readonly Column<Series>[] = [
  { title: 'sum', right: true, text: (series) => rounded(sum([...valuesOf(series), ...gapValues(series)])) },
  LAST,
];

const isOne = (names: readonly string[], metric: string): boolean => names.includes(metric);

/** Lengths of time have percentiles, samples a last value, counts a sum as well. */
function figureColumns(metric: string): readonly Column<Series>[] {
  if (isOne(HISTORY_METRICS.spans, metric)) return SPAN_COLUMNS;
  return isOne(HISTORY_METRICS.samples, metric) ? [LAST] : COUNT_COLUMNS;
}

/** The columns that fit the series. A series with gaps says so: what is in them is in no bar. */
export function columnsOf(metric: string, series: readonly Series[], span: Span | null): Column<Series>[] {
  return [
    { title: nameLabel(series), text: seriesName },
    ...figureColumns(metric),
    {
      title: 'largest',
      right: true,
      text: (one) => rounded(Math.max(0, ...valuesOf(one).map(height))),
    },
    { title: '', text: (one) => (span === null ? '' : chart(one, span)) },
    { title: '', text: ({ gaps }) => (gaps.length === 0 ? '' : `${gaps.length} times nobody sampled`) },
  ];
}
