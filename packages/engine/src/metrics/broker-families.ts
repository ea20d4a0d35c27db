import type { BrokerReading } from './broker-reading.ts';
import { definitionOf, type MetricName } from './definitions/all.ts';
import {
  ASYNQ_QUEUES,
  ASYNQ_STATES,
  eachQueue,
  eachState,
  OUR_QUEUES,
  OUR_STATES,
  type NamedReading,
} from './queue-families.ts';
import { inSeconds, writeLabels, type Visit, type WrittenFamily } from './samples.ts';

function family(name: MetricName, each: (visit: Visit) => void): WrittenFamily {
  const { type, help } = definitionOf(name);
  return { name, type, help, each };
}

const NO_LABELS = writeLabels({});

/** A metric without labels. Null = it is unknown, or this broker has no such thing. */
const single = (name: MetricName, value: number | null | undefined): WrittenFamily =>
  family(name, (visit) => {
    if (value !== null && value !== undefined) visit(NO_LABELS, value);
  });

const scheduleFamilies = ({ figures, overdueMs }: BrokerReading): WrittenFamily[] => [
  family('taskcenter_schedules', (visit) => {
    for (const [state, count] of Object.entries(figures?.schedules ?? {}))
      visit(writeLabels({ state }), count);
  }),
  single('taskcenter_schedule_overdue_seconds', inSeconds(overdueMs)),
];

/** The metrics that stand in the broker, as they were read. */
export function brokerFamilies(named: NamedReading): WrittenFamily[] {
  const { memory, disk } = named.reading.facts;
  return [
    family(OUR_STATES.name, eachState(named, OUR_STATES)),
    ...OUR_QUEUES.map((metric) => family(metric.name, eachQueue(named, metric))),
    ...scheduleFamilies(named.reading),
    single('taskcenter_broker_memory_bytes', memory?.usedBytes),
    single('taskcenter_broker_memory_limit_bytes', memory?.maxBytes),
    single('taskcenter_broker_disk_free_bytes', disk?.freeBytes),
  ];
}

/** The metrics of Asynq's exporter. */
export const asynqFamilies = (named: NamedReading): WrittenFamily[] => [
  family(ASYNQ_STATES.name, eachState(named, ASYNQ_STATES)),
  ...ASYNQ_QUEUES.map((metric) => family(metric.name, eachQueue(named, metric))),
];
