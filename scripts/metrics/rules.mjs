// Rules for Prometheus, and the file that is made of them. Figures of the broker are the same on each instance: `max by (queue)`.
// Those of processes are summed.
import { metricsIn } from './names-in.mjs';

const pending = 'max by (queue) (taskcenter_queue_tasks{state="pending"})';
const increase = (name, time) => `max by (queue) (increase(taskcenter_queue_${name}_total[${time}]))`;
const ended = `(${increase('failed', '5m')} + ${increase('succeeded', '5m')})`;
/** Of all that have ended, once there are enough to judge by. */
const errorRate = (above) => `${increase('failed', '5m')} / ${ended} > ${above} and ${ended} >= 20`;
const p99 = (name, { by = [], where = '' } = {}) =>
  `histogram_quantile(0.99, sum by (${['le', ...by].join(', ')}) (rate(${name}_bucket${where}[5m])))`;

/**
 * In the order of the file. `for`: how long it must be so; `says`: for people, with the labels of the alert in `{{ }}`.
 * Thresholds are for a start: an installation knows its own.
 */
const RULES = [
  {
    alert: 'TaskCenterDown',
    expr: 'absent(taskcenter_build_info)',
    for: '1m',
    severity: 'critical',
    says: 'No instance of Task Center answers Prometheus.',
  },
  {
    alert: 'TaskCenterBrokerDown',
    expr: 'max(taskcenter_broker_up) == 0',
    for: '15s',
    severity: 'critical',
    says: 'No instance reaches the broker: nothing is submitted, and nothing runs.',
  },
  {
    alert: 'TaskCenterBrokerSlow',
    expr: `${p99('taskcenter_broker_op_seconds')} > 0.1`,
    for: '5m',
    severity: 'warning',
    says: 'One of a hundred calls of the broker takes more than {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'TaskCenterBrokerMemory',
    expr: 'max(taskcenter_broker_memory_bytes) / max(taskcenter_broker_memory_limit_bytes) > 0.85',
    for: '2m',
    severity: 'critical',
    says: 'Redis has used {{ $value | humanizePercentage }} of its memory. When it is full, no task can be submitted.',
  },
  {
    alert: 'TaskCenterDisk',
    expr: 'min(taskcenter_broker_disk_free_bytes) < 1073741824',
    for: '2m',
    severity: 'critical',
    says: 'The disk of the broker has {{ $value | humanize1024 }}B left.',
  },
  {
    alert: 'TaskCenterClockSkew',
    expr: 'max by (instance) (abs(taskcenter_broker_clock_skew_seconds)) > 1',
    for: '2m',
    severity: 'warning',
    says: 'The clock of {{ $labels.instance }} differs from that of the broker by {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'TaskCenterNoWorker',
    expr: `${pending} > 0 and max by (queue) (taskcenter_queue_workers) == 0`,
    for: '1m',
    severity: 'critical',
    says: 'Queue {{ $labels.queue }}: {{ $value }} tasks wait, and no worker serves it.',
  },
  {
    alert: 'TaskCenterBacklogGrowing',
    expr: `${pending} > 1000 and ${pending} > 1.2 * ${pending.replace('})', '} offset 10m)')}`,
    for: '5m',
    severity: 'warning',
    says: 'Queue {{ $labels.queue }}: {{ $value }} tasks wait, over a fifth more than ten minutes ago.',
  },
  {
    alert: 'TaskCenterOldestTask',
    expr: 'max by (queue) (taskcenter_queue_oldest_pending_seconds{queue!~"critical(~cb)?"}) > 300',
    for: '2m',
    severity: 'warning',
    says: 'Queue {{ $labels.queue }}: the next task has waited for {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'TaskCenterOldestTaskCritical',
    expr: 'max by (queue) (taskcenter_queue_oldest_pending_seconds{queue=~"critical(~cb)?"}) > 30 or max by (queue) (taskcenter_queue_oldest_pending_seconds) > 1800',
    for: '2m',
    severity: 'critical',
    says: 'Queue {{ $labels.queue }}: the next task has waited for {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'TaskCenterSlowStart',
    expr: `${p99('taskcenter_task_wait_seconds', { by: ['queue'], where: '{queue=~"(critical|high)(~cb)?"}' })} > 10`,
    for: '5m',
    severity: 'warning',
    says: 'Queue {{ $labels.queue }}: one task of a hundred starts more than {{ $value | humanizeDuration }} late.',
  },
  {
    alert: 'TaskCenterErrorRate',
    expr: errorRate(0.2),
    for: '5m',
    severity: 'warning',
    says: 'Queue {{ $labels.queue }}: {{ $value | humanizePercentage }} of the attempts fail.',
  },
  {
    alert: 'TaskCenterErrorRateCritical',
    expr: errorRate(0.5),
    for: '5m',
    severity: 'critical',
    says: 'Queue {{ $labels.queue }}: {{ $value | humanizePercentage }} of the attempts fail.',
  },
  {
    alert: 'TaskCenterDeadLetters',
    expr: `${increase('archived', '10m')} > 10`,
    severity: 'warning',
    says: 'Queue {{ $labels.queue }}: about {{ $value | humanize }} tasks were archived in ten minutes.',
  },
  {
    alert: 'TaskCenterQueuePaused',
    expr: `max by (queue) (taskcenter_queue_paused) == 1 and ${pending} > 0`,
    for: '1h',
    severity: 'info',
    says: 'Queue {{ $labels.queue }} has been paused for an hour while tasks wait.',
  },
  {
    alert: 'TaskCenterScheduleLate',
    expr: 'max(taskcenter_schedule_overdue_seconds) > 60',
    for: '1m',
    severity: 'critical',
    says: 'A schedule has waited for its fire for {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'TaskCenterWorkersLost',
    expr: `${increase('recovered', '5m')} > 10 or ${increase('quarantined', '5m')} > 0`,
    severity: 'warning',
    says: 'Queue {{ $labels.queue }}: tasks were lost with their workers, or cannot be read.',
  },
  {
    alert: 'TaskCenterLoopStall',
    // Half of the default lease of 6 s.
    expr: `${p99('taskcenter_lease_renew_gap_seconds')} > 3`,
    for: '2m',
    severity: 'warning',
    says: 'Leases are renewed {{ $value | humanizeDuration }} apart: event loops are blocked, or the broker is slow.',
  },
  {
    alert: 'TaskCenterAuthAttack',
    expr: 'sum(increase(taskcenter_auth_failures_total[1m])) > 100',
    for: '1m',
    severity: 'warning',
    says: 'Over a hundred requests a minute have a wrong key.',
  },
];

const HEAD = `# Rules for Prometheus: made by scripts/generate.mjs from scripts/metrics/rules.mjs. Copy the file, name it under \`rule_files\`, and
# change the thresholds to what your installation takes for normal. docs/metrics.md says what each metric is.
groups:
  - name: task-center
    rules:
`;

/** A rule as YAML. A text of JSON is one of YAML, too. */
function ruleText({ alert, expr, for: time, severity, says }) {
  const lines = [
    `- alert: ${alert}`,
    `  expr: ${JSON.stringify(expr)}`,
    ...(time ? [`  for: ${time}`] : []),
    `  labels: { severity: ${severity} }`,
    `  annotations: { summary: ${JSON.stringify(says)} }`,
  ];
  return lines.map((line) => `      ${line}\n`).join('');
}

/** The text of etc/prometheus-rules.yaml. @throws Error for a rule that uses what no definition has */
export function rulesFile(definitions) {
  for (const { expr } of RULES) metricsIn(expr, definitions);
  return HEAD + RULES.map(ruleText).join('\n');
}
