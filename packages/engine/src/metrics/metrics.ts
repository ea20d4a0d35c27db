import type { Broker } from '../broker/broker.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { checkBroker, oneOf } from '../checks/values.ts';
import type { Loop } from '../runtime/loop.ts';
import { runtimeOn, runtimePart, type Runtime } from '../runtime/runtime.ts';
import { asynqFamilies, brokerFamilies } from './broker-families.ts';
import { BrokerReader, type BrokerReading } from './broker-reading.ts';
import { countEvents } from './engine-metrics.ts';
import { EXPOSITION_TYPE, expositionOf } from './exposition.ts';
import { createFigureRenewer } from './figure-renewer.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { QueueLabels } from './queue-labels.ts';
import { Registry } from './registry.ts';
import { familyOf, type MetricFamily, type WrittenFamily } from './samples.ts';

export interface MetricsOptions {
  /**
   * Clock, log and events. Give the `events` that the workers, clients and the broker of this process have, too: what they
   * tell is counted. Default: those of the broker.
   */
  readonly runtime?: Partial<Runtime>;
}

const SCOPES = ['all', 'broker', 'process'] as const;

export interface MetricsQuery {
  /**
   * `broker`: what stands in the broker and is the same in each process. `process`: what this process has counted, with `process_*`
   * and `nodejs_*`. Default: `all`.
   */
  readonly scope?: (typeof SCOPES)[number];
  /** `asynq` adds the metrics of Asynq's exporter, with its names and values. Its dashboards and alerts go on working. */
  readonly compat?: 'asynq';
}

const checkMetricsOptions = createOptionsCheck<MetricsOptions>('Metrics', { runtime: runtimePart });
const checkQuery = createOptionsCheck<MetricsQuery>('metrics', {
  scope: oneOf(SCOPES),
  compat: oneOf(['asynq']),
});

/**
 * The metrics of docs/metrics.md, for Prometheus: serve `text()` with `contentType`. Those of queues are read from the broker, at most
 * once a second. Between `start` and `stop` it also counts what this process does, and takes part in renewing once a minute what takes
 * too long to be read for each scrape: how much room the tasks of each queue take.
 */
export class Metrics {
  /** HTTP content type of `text()`. */
  readonly contentType = EXPOSITION_TYPE;
  /** What this process counts, for programs built of this library that have metrics of `definitions` to add, such as the service. */
  readonly registry = new Registry();
  readonly #broker: Broker;
  readonly #runtime: Runtime;
  readonly #reader: BrokerReader;
  readonly #labels = new QueueLabels();
  readonly #renewer: Loop;
  readonly #up = this.registry.gauge('taskcenter_broker_up').with();
  readonly #skew = this.registry.gauge('taskcenter_broker_clock_skew_seconds').with();
  #ends: (() => void)[] | undefined;

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker, options: MetricsOptions = {}) {
    checkBroker(broker, 'inspect', 'presence', 'documents', 'claims');
    this.#broker = broker;
    this.#runtime = runtimeOn(broker, checkMetricsOptions(options).runtime);
    this.#reader = new BrokerReader(broker, this.#runtime.clock);
    this.#renewer = createFigureRenewer({ broker, runtime: this.#runtime });
  }

  /** Begins to count. May be called again. @throws TaskCenterError `broker-closed` */
  start(): void {
    if (this.#ends !== undefined) return;
    this.#broker.lifetime.add(this);
    const startedMs = this.#runtime.clock.wallMs() - process.uptime() * 1_000;
    this.#ends = [
      countEvents(this.#runtime.events, this.registry),
      addProcessMetrics(this.registry, startedMs),
    ];
    this.#renewer.start();
  }

  /** Counts no more. What was counted is kept. May be called again, and without a start. */
  async stop(): Promise<void> {
    const ends = this.#ends;
    if (ends === undefined) return;
    this.#ends = undefined;
    for (const end of ends) end();
    await this.#renewer.stop();
    this.#broker.lifetime.delete(this);
  }

  /**
   * The metrics as objects, for another library that writes them. While the broker does not answer, those of the process are there
   * all the same, and `taskcenter_broker_up` is 0.
   *
   * @throws TaskCenterError `invalid-value`; with the scope `broker` also as any call of a broker
   */
  async families(query: MetricsQuery = {}): Promise<MetricFamily[]> {
    return (await this.#read(query)).map(familyOf);
  }

  /** The same in Prometheus' text format 0.0.4. @throws as `families` */
  async text(query: MetricsQuery = {}): Promise<string> {
    return expositionOf(await this.#read(query));
  }

  async #read(query: MetricsQuery): Promise<WrittenFamily[]> {
    const { scope = 'all', compat } = checkQuery(query);
    const reading = await this.#readBroker(scope);
    const ofBroker = reading === null || scope === 'process' ? [] : this.#familiesOf(reading, compat);
    return scope === 'broker' ? ofBroker : [...ofBroker, ...this.registry.families()];
  }

  #familiesOf(reading: BrokerReading, compat: MetricsQuery['compat']): WrittenFamily[] {
    const named = { reading, rows: this.#labels.rowsOf(reading.queues), labels: this.#labels };
    const ours = brokerFamilies(named);
    return compat === 'asynq' ? [...ours, ...asynqFamilies(named)] : ours;
  }

  /** Null = the broker did not answer, and what the process has counted is wanted all the same. */
  async #readBroker(scope: MetricsQuery['scope']): Promise<BrokerReading | null> {
    try {
      const reading = await this.#reader.read();
      this.#up.set(1);
      this.#skew.set(reading.skewMs / 1_000);
      return reading;
    } catch (error) {
      this.#up.set(0);
      this.#skew.clear();
      if (scope === 'broker') throw error;
      return null;
    }
  }
}
