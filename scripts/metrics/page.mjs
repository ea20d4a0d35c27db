// Writes docs/metrics.md from the definitions of the metrics.

const ABOUT = `# Metrics

<!-- Made by scripts/generate.mjs from packages/engine/src/metrics/definitions; do not edit. -->

The service has them at \`GET /metrics\`, in the text format 0.0.4 of Prometheus; the library by the class \`Metrics\`.

\`\`\`yaml
scrape_configs:
  - job_name: task-center
    authorization: { credentials: tc_live_… } # a key with the role viewer that is bound to no business
    static_configs: [{ targets: ['127.0.0.1:7420'] }]
\`\`\`

\`\`\`ts
const events = new Events(); // one for all that this process has
const broker = await connect(url, { runtime: { events } });
const metrics = new Metrics(broker, { runtime: { events } });
metrics.start(); // before the workers, which are given the same events
response.setHeader('content-type', metrics.contentType).end(await metrics.text());
\`\`\`

- **Two scopes.** What stands in the _broker_ is exact over processes, restarts and crashes, and the same on each instance:
  take \`max by (queue)\`, never the sum. What a _process_ has counted begins at 0 with it: take the \`sum\`.
- \`?scope=broker\` and \`?scope=process\` give one of the two, \`all\` (the default) both. \`scope=broker\` is answered with 503 while the broker is
  down. Otherwise the metrics of the process are there, and \`taskcenter_broker_up\` is 0.
- \`?compat=asynq\` adds the metrics of Asynq's own exporter, with the same names and values.
- \`queue\` is a stored queue: \`orders\` for handlers, \`orders~cb\` for callbacks.
- A metric has at most 1,000 sets of the labels \`queue\`, \`type\` and \`host\`, whose values anybody can invent. What comes later is counted
  under \`other\`, for as long as the process lives. With more than 1,000 stored queues two instances may have other queues under \`other\`.
- No metric has a business, a user or a task as a label.
- A scrape reads no task. The broker is asked at most once a second, however many scrape. What takes longer, the room that tasks take and
  the numbers of schedules, is renewed once a minute by one instance and read by all.

Two files use these metrics. Both are made from the same definitions, and a real Prometheus evaluates all of them in a test.

- [etc/prometheus-rules.yaml](../etc/prometheus-rules.yaml): alerts, from a broker that is down to a schedule that is late. Copy it, name it
  under \`rule_files\`, and change the thresholds to what your installation takes for normal.
- [etc/grafana-dashboard.json](../etc/grafana-dashboard.json): a dashboard for Grafana. Import it and choose your Prometheus.
`;

const GROUPS = {
  queues: ['Queues', 'They stand in the broker, with the tasks.'],
  schedules: ['Schedules', 'They stand in the broker.'],
  broker: ['Broker', ''],
  tasks: ['Tasks and attempts', 'Each process counts its own.'],
  service: ['The service', 'Each process counts its own. The library does not have them.'],
  process: ['The process', 'As the usual client libraries for Prometheus have them.'],
  nodejs: ['Node.js', 'As the usual client libraries for Prometheus have them.'],
  asynq: [
    "Asynq's exporter",
    'Only with `compat=asynq`. Cancelled tasks count as completed, as Asynq has no such state.',
  ],
};

const labelText = ({ labels, values = {} }) =>
  labels.map((label) => (values[label] ? `${label}: ${values[label].join(' ')}` : label)).join('; ');

/** The rows of a table in the form in which Prettier leaves it. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |\n`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |\n`;
  return line(rows[0]) + rule + rows.slice(1).map(line).join('');
}

const bucketsOf = (definition) =>
  definition.type === 'histogram' ? ` Buckets: ${definition.buckets.join(' ')}.` : '';

/** The text of docs/metrics.md. */
export function metricsPage(definitions) {
  const sections = Object.entries(GROUPS).map(([group, [title, about]]) => {
    const rows = Object.entries(definitions)
      .filter(([, definition]) => definition.group === group)
      .map(([name, definition]) => [
        `\`${name}\``,
        definition.type,
        definition.scope,
        labelText(definition),
        definition.help + bucketsOf(definition),
      ]);
    const head = ['Name', 'Type', 'Scope', 'Labels', 'Meaning'];
    return `\n## ${title}\n\n${about === '' ? '' : `${about}\n\n`}${table([head, ...rows])}`;
  });
  return ABOUT + sections.join('');
}
