import { ASYNQ_DEFINITIONS } from './asynq-definitions.ts';
import { BROKER_DEFINITIONS } from './broker-definitions.ts';
import { PROCESS_DEFINITIONS } from './process-definitions.ts';
import { SERVICE_DEFINITIONS } from './service-definitions.ts';
import { TASK_DEFINITIONS } from './task-definitions.ts';
import type { MetricDefinition, MetricType } from './definition.ts';

/** Every metric by its name: the only place where names, types, labels and buckets come from. */
export const DEFINITIONS = {
  ...BROKER_DEFINITIONS,
  ...TASK_DEFINITIONS,
  ...SERVICE_DEFINITIONS,
  ...PROCESS_DEFINITIONS,
  ...ASYNQ_DEFINITIONS,
} as const satisfies Record<string, MetricDefinition>;

type Definitions = typeof DEFINITIONS;
export type MetricName = keyof Definitions;

/** Names of the metrics that a process keeps, by type. */
export type NameOf<T extends MetricType> = {
  [N in MetricName]: Definitions[N] extends { readonly type: T; readonly scope: 'process' } ? N : never;
}[MetricName];

type Texts<L extends readonly string[]> = { readonly [I in keyof L]: string };
/** A text for each label, in the order of the definition. */
export type LabelValues<N extends MetricName> = Texts<Definitions[N]['labels']>;

/** A definition without its exact types. */
export const definitionOf = (name: MetricName): MetricDefinition => DEFINITIONS[name];
