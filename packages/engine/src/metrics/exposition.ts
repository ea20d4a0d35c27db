// Metrics in Prometheus' text format 0.0.4. The metrics themselves are in queue-metrics.ts.

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric, with one sample per set of labels. */
export interface MetricFamily {
  /** Only `a` to `z` and `_`. */
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: readonly Sample[];
}

const TEXT_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };
const escapeLabelValue = (text: string): string =>
  text.replace(/[\\"\n]/g, (char) => TEXT_ESCAPES[char] ?? char);
const escapeHelp = (text: string): string => text.replace(/[\\\n]/g, (char) => TEXT_ESCAPES[char] ?? char);

function sampleLine(name: string, { labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabelValue(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
}

/** The text of the families. Those without samples are left out. */
export function expositionOf(families: readonly MetricFamily[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) => {
      const lines = samples.map((sample) => sampleLine(name, sample));
      return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    })
    .join('');
}
