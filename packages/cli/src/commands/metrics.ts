// `metrics history`: a metric over time, through the HTTP API.

import type { CallInput } from '@task-center/api';
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { painter, table } from '../output.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';
import { columnsOf, spanOf } from './metrics-text.ts';

type Query = CallInput<'getMetricsHistory'>['query'];

/** What is asked for stays texts: the service checks them. */
interface HistoryOptions extends ServiceOptions {
  readonly by?: string;
  readonly key?: string;
  readonly from?: string;
  readonly to?: string;
  readonly step?: string;
  readonly json?: boolean;
}

/**
 * Prints a line for each series, with its figures and a chart of the whole time. A metric that did not happen is no error: the exit code is 0,
 * and a line says so.
 */
async function showHistory(metric: string, options: HistoryOptions, io: Io): Promise<void> {
  const service = openService(options, io.env);
  const { by, key, from, to, step } = options;
  const query = { metric, by, key, from, to, step } as Query;
  const { series, step: length } = await service.api.getMetricsHistory({ query });
  if (options.json) {
    io.out(service.lastAnswer());
    return;
  }
  if (series.length === 0) {
    io.out(`nothing of ${metric} in this time`);
    return;
  }
  const span = spanOf(series, length);
  io.out(table(columnsOf(metric, series, span), series, painter(io.colours.out)));
  if (span !== null) io.out(`\n${span.from} to ${span.to}, steps of ${length}`);
}

/** Adds `metrics history`. */
export function addMetrics(program: Command, io: Io): void {
  const metrics = program
    .command('metrics')
    .description('figures of the past')
    .addHelpText('after', '\nExample:\n  task-center metrics history failed --by type');
  const history = metrics
    .command('history <metric>')
    .description(
      'a metric over time, such as enqueued, succeeded, failed, callbacks, wait_ms, run_ms, pending or active',
    )
    .option('--by <word>', 'a line for each queue, kind, business, type or host (default: queue)')
    .option('--key <name>', 'only this queue, kind, business, type or host')
    .option('--from <time>', 'from this time on (default: the last hour; of hours the last day)')
    .option('--to <time>', 'before this time (default: now)')
    .option('--step <length>', '1m or 1h (default: 1m)')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  task-center metrics history succeeded\n  task-center metrics history run_ms --by type --step 1h --from 2026-11-29T00:00:00Z',
    );
  addServiceOptions(history).action((metric: string, options: HistoryOptions) =>
    showHistory(metric, options, io),
  );
}
