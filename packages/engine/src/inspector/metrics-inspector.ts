import type { Broker } from '../broker/broker.ts';
import * as control from '../control/index.ts';
import type { MetricsHistory, MetricsHistoryRequest } from '../control/index.ts';

/** Shows what happened in the past. Workers keep it: docs/metrics-history.md. */
export class MetricsInspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /**
   * A metric over time, by minute for the last 25 hours or by hour for the last 32 days. Each program gives the same answer.
   *
   * ```ts
   * const { series } = await inspector.metrics.history({
   *   metric: 'run_ms', by: 'type', step: 'minute', fromMs: toMs - 3_600_000, toMs, // ms since 1970
   * });
   * ```
   *
   * @throws TaskCenterError `invalid-value`: also where the metric is not kept by that, and for more than 24 hours of minutes or
   * 31 days of hours
   */
  history(request: MetricsHistoryRequest): Promise<MetricsHistory> {
    return control.readMetricsHistory(this.#broker, request);
  }
}
