// The dashboard for Grafana, and the file that is made of it.
import { metricsIn } from './names-in.mjs';

const OF_QUEUE = '{queue=~"$queue"}';
const WINDOW = '[$__rate_interval]';
const gauge = (name, by = ['queue']) => `max by (${by.join(', ')}) (taskcenter_${name}${OF_QUEUE})`;
const rate = (name) => `max by (queue) (rate(taskcenter_queue_${name}_total${OF_QUEUE}${WINDOW}))`;
const quantile = (q, name, { by = [], where = '' } = {}) =>
  `histogram_quantile(${q}, sum by (${['le', ...by].join(', ')}) (rate(taskcenter_${name}_bucket${where}${WINDOW})))`;
const quantiles = (name, how) =>
  [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, name, how), legend: `p${q * 100}` }));

/**
 * Rows of panels. `width`: of 24 columns. `unit`: as Grafana names it. A line is an expression and the text of its legend.
 */
const ROWS = [
  {
    title: 'Is all well?',
    height: 4,
    panels: [
      { title: 'Instances', type: 'stat', lines: [{ expr: 'count(taskcenter_build_info)' }] },
      { title: 'Broker', type: 'stat', upDown: true, lines: [{ expr: 'min(taskcenter_broker_up)' }] },
      {
        title: 'Waiting',
        type: 'stat',
        lines: [{ expr: 'sum(max by (queue) (taskcenter_queue_tasks{state="pending", queue=~"$queue"}))' }],
      },
      {
        title: 'Running',
        type: 'stat',
        lines: [{ expr: 'sum(max by (queue) (taskcenter_queue_tasks{state="active", queue=~"$queue"}))' }],
      },
      {
        title: 'Oldest waiting task',
        type: 'stat',
        unit: 's',
        lines: [{ expr: `max(taskcenter_queue_oldest_pending_seconds${OF_QUEUE})` }],
      },
      {
        title: 'Dead letters',
        type: 'stat',
        lines: [{ expr: 'sum(max by (queue) (taskcenter_queue_tasks{state="archived", queue=~"$queue"}))' }],
      },
    ],
  },
  {
    title: 'Queues',
    height: 8,
    panels: [
      {
        title: 'Succeeded per second',
        unit: 'ops',
        lines: [{ expr: rate('succeeded'), legend: '{{queue}}' }],
      },
      { title: 'Failed per second', unit: 'ops', lines: [{ expr: rate('failed'), legend: '{{queue}}' }] },
      {
        title: 'Submitted per second',
        unit: 'ops',
        lines: [{ expr: rate('enqueued'), legend: '{{queue}}' }],
      },
    ],
  },
  {
    title: 'Backlog',
    height: 8,
    panels: [
      {
        title: 'Tasks by state',
        lines: [
          {
            expr: `sum by (state) (${gauge('queue_tasks', ['queue', 'state'])})`,
            legend: '{{state}}',
          },
        ],
      },
      {
        title: 'Age of the next task',
        unit: 's',
        lines: [{ expr: gauge('queue_oldest_pending_seconds'), legend: '{{queue}}' }],
      },
      { title: 'Live workers', lines: [{ expr: gauge('queue_workers'), legend: '{{queue}}' }] },
    ],
  },
  {
    title: 'How long tasks take',
    height: 8,
    panels: [
      {
        title: 'From due to start',
        unit: 's',
        lines: quantiles('task_wait_seconds', { where: OF_QUEUE }),
      },
      { title: 'One attempt', unit: 's', lines: quantiles('task_run_seconds', { where: OF_QUEUE }) },
      {
        title: 'One attempt by type, p95',
        unit: 's',
        lines: [
          {
            expr: quantile(0.95, 'task_run_seconds', { by: ['type'], where: OF_QUEUE }),
            legend: '{{type}}',
          },
        ],
      },
    ],
  },
  {
    title: 'What went wrong',
    height: 8,
    panels: [
      {
        title: 'Archived, cancelled and recovered per second',
        unit: 'ops',
        lines: ['archived', 'cancelled', 'recovered'].map((name) => ({
          expr: `sum(${rate(name)})`,
          legend: name,
        })),
      },
      {
        title: 'Schedules',
        lines: [{ expr: 'max by (state) (taskcenter_schedules)', legend: '{{state}}' }],
      },
      {
        title: 'Most overdue schedule',
        unit: 's',
        lines: [{ expr: 'max(taskcenter_schedule_overdue_seconds)', legend: 'overdue' }],
      },
    ],
  },
  {
    title: 'Callbacks and HTTP',
    height: 8,
    panels: [
      {
        title: 'Callbacks per second',
        unit: 'ops',
        lines: [{ expr: `sum by (class) (rate(taskcenter_callbacks_total${WINDOW}))`, legend: '{{class}}' }],
      },
      { title: 'One callback', unit: 's', lines: quantiles('callback_seconds') },
      {
        title: 'Requests, p95 by route',
        unit: 's',
        lines: [{ expr: quantile(0.95, 'http_request_seconds', { by: ['route'] }), legend: '{{route}}' }],
      },
    ],
  },
  {
    title: 'Broker and processes',
    height: 8,
    panels: [
      {
        title: 'Calls of the broker, p95',
        unit: 's',
        lines: [{ expr: quantile(0.95, 'broker_op_seconds', { by: ['op'] }), legend: '{{op}}' }],
      },
      {
        title: 'Memory of the broker',
        unit: 'bytes',
        lines: [
          { expr: 'max(taskcenter_broker_memory_bytes)', legend: 'used' },
          { expr: 'max(taskcenter_broker_memory_limit_bytes)', legend: 'limit' },
        ],
      },
      {
        title: 'Memory of each process',
        unit: 'bytes',
        lines: [
          {
            expr: 'process_resident_memory_bytes and on (instance) taskcenter_build_info',
            legend: '{{instance}}',
          },
        ],
      },
      {
        title: 'Lag of event loops, p99',
        unit: 's',
        lines: [
          {
            expr: 'nodejs_eventloop_lag_p99_seconds and on (instance) taskcenter_build_info',
            legend: '{{instance}}',
          },
        ],
      },
    ],
  },
];

const SOURCE = { type: 'prometheus', uid: '${source}' };
const UP_DOWN = [
  {
    type: 'value',
    options: { 0: { text: 'down', color: 'red', index: 0 }, 1: { text: 'up', color: 'green', index: 1 } },
  },
];

/** Grafana names the lines of a panel A, B, C. */
const target = ({ expr, legend = '' }, i) => ({
  datasource: SOURCE,
  refId: String.fromCharCode(65 + i),
  expr,
  legendFormat: legend,
});

function panelOf({ title, type = 'timeseries', unit = 'short', upDown = false, lines }, gridPos) {
  const defaults = { unit, ...(type === 'timeseries' && { min: 0 }), ...(upDown && { mappings: UP_DOWN }) };
  return {
    title,
    type,
    datasource: SOURCE,
    gridPos,
    fieldConfig: { defaults, overrides: [] },
    options: {},
    targets: lines.map(target),
  };
}

/** Each row has a heading of its own, and its panels share the width of 24 columns. */
function layOut() {
  const panels = [];
  let y = 0;
  for (const row of ROWS) {
    panels.push({
      title: row.title,
      type: 'row',
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    const w = 24 / row.panels.length;
    for (const [i, panel] of row.panels.entries())
      panels.push(panelOf(panel, { x: i * w, y: y + 1, w, h: row.height }));
    y += row.height + 1;
  }
  return panels.map((panel, i) => ({ id: i + 1, ...panel }));
}

const VARIABLES = [
  { name: 'source', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
  {
    name: 'queue',
    label: 'Queue',
    type: 'query',
    datasource: SOURCE,
    query: { query: 'label_values(taskcenter_queue_tasks, queue)', refId: 'queue' },
    definition: 'label_values(taskcenter_queue_tasks, queue)',
    includeAll: true,
    allValue: '.*',
    multi: true,
    refresh: 2,
    sort: 1,
    current: { text: 'All', value: '$__all' },
  },
];

/** The text of etc/grafana-dashboard.json. @throws Error for a panel that uses what no definition has */
export function dashboardFile(definitions) {
  for (const { panels } of ROWS)
    for (const { lines } of panels) for (const { expr } of lines) metricsIn(expr, definitions);
  const dashboard = {
    uid: 'task-center',
    title: 'Task Center',
    description:
      'Made by scripts/generate.mjs from scripts/metrics/dashboard.mjs. docs/metrics.md says what each metric is.',
    tags: ['task-center'],
    schemaVersion: 39,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    timezone: 'browser',
    templating: { list: VARIABLES },
    panels: layOut(),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
