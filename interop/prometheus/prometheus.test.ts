// A real Prometheus scrapes two instances of the service. What it says must be what the service has done, and it must be able to
// evaluate each rule and each panel that we offer.
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRedis, type RedisServer } from '../../packages/engine/test/support/redis-server.ts';
import { cleanUp, serveIn, type TestService } from '../../packages/cli/test/support/service.ts';
import {
  dashboardQueries,
  hasPrometheus,
  promtool,
  RULES_FILE,
  startPrometheus,
  type Prometheus,
} from './server.ts';

const SUCCEEDING = 12;
const FAILING = 5;

/** Metrics that a service on this machine's Redis cannot have: no memory limit is set, and there is no file. */
const NOT_HERE = new Set(['taskcenter_broker_memory_limit_bytes', 'taskcenter_broker_disk_free_bytes']);

describe.skipIf(!hasPrometheus)('a real Prometheus', () => {
  let redis: RedisServer;
  let receiver: Server;
  let services: [TestService, TestService];
  let key: string;
  let prometheus: Prometheus;

  /** Both on one Redis; the second one only serves HTTP. */
  async function startServices(): Promise<[TestService, TestService]> {
    const env = { TASKCENTER_BROKER: redis.url };
    const first = await serveIn({ env });
    await first.pid();
    key = (await readFile(first.folder.file('data/admin.key'), 'utf8')).trim();
    const more = { TASKCENTER_ROLES: '["api"]', TASKCENTER_KEY_FILE: first.folder.file('data/admin.key') };
    const second = await serveIn({ env: { ...env, ...more } });
    await second.pid();
    return [first, second];
  }

  async function submit(count: number, path: string): Promise<void> {
    const { port } = receiver.address() as AddressInfo;
    const task = { retry: { max_retries: 0 }, callback: { url: `http://127.0.0.1:${port}/${path}` } };
    const body = { tasks: Array.from({ length: count }, () => task) };
    const response = await services[0].call('POST', '/v1/batches', body);
    expect(await response.json()).toMatchObject({ items: body.tasks.map(() => ({ status: 201 })) });
  }

  beforeAll(async () => {
    redis = await startRedis();
    receiver = createServer((request, response) => {
      request.resume();
      response.writeHead(request.url === '/fails' ? 500 : 200).end();
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    services = await startServices();
    const targets = services.map(({ url }) => new URL(url).host);
    prometheus = await startPrometheus(targets, key);
    await submit(SUCCEEDING, 'succeeds');
    await submit(FAILING, 'fails');
  });

  afterAll(async () => {
    await prometheus?.stop();
    await cleanUp();
    receiver?.close();
    receiver?.closeAllConnections();
    await redis?.stop();
  });

  /** The value of a metric of the queue, as each instance tells it. */
  const ofEach = async (name: string): Promise<number[]> => {
    const series = await prometheus.query(`${name}{queue="default~cb"}`);
    return series.map(({ value }) => value);
  };

  test('both instances are scraped, and tell the same of what stands in the broker', async () => {
    const up = await prometheus.until(
      () => prometheus.query('up'),
      (series) => series.length === 2 && series.every(({ value }) => value === 1),
    );
    expect(up.map(({ value }) => value)).toEqual([1, 1]);
    const counts = {
      taskcenter_queue_enqueued_total: SUCCEEDING + FAILING,
      taskcenter_queue_started_total: SUCCEEDING + FAILING,
      taskcenter_queue_succeeded_total: SUCCEEDING,
      taskcenter_queue_failed_total: FAILING,
      taskcenter_queue_archived_total: FAILING,
    };
    for (const [name, count] of Object.entries(counts)) {
      const isRight = (values: number[]) => values.length === 2 && values.every((value) => value === count);
      expect([name, await prometheus.until(() => ofEach(name), isRight)]).toEqual([name, [count, count]]);
    }
  });

  test('what processes have counted adds up to what was run', async () => {
    const expression = 'sum by (class) (taskcenter_callbacks_total)';
    const classes = await prometheus.until(
      () => prometheus.query(expression),
      (series) => series.reduce((sum, { value }) => sum + value, 0) === SUCCEEDING + FAILING,
    );
    const byClass = Object.fromEntries(classes.map(({ metric, value }) => [metric.class, value]));
    expect(byClass).toMatchObject({ '2xx': SUCCEEDING, '5xx': FAILING });
    const runs = await prometheus.query('sum(taskcenter_task_run_seconds_count)');
    expect(runs.map(({ value }) => value)).toEqual([SUCCEEDING + FAILING]);
  });

  test('each panel and each rule can be evaluated, and uses metrics that are there', async () => {
    const panels = await dashboardQueries();
    expect(panels.length).toBeGreaterThan(25);
    for (const expression of panels) await prometheus.query(expression);
    const rules = await prometheus.until(
      () => prometheus.rules(),
      (all) => all.every(({ health }) => health === 'ok'),
    );
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(rules.length).toBeGreaterThan(15);
    const names = await prometheus.names();
    const text = panels.join(' ') + (await readFile(RULES_FILE, 'utf8'));
    const used = new Set(text.match(/\btaskcenter_[a-z0-9_]+/g));
    expect([...used].filter((name) => !names.has(name) && !NOT_HERE.has(name))).toEqual([]);
  });

  test('no alert fires for what has happened here', async () => {
    const firing = await prometheus.query('ALERTS{alertstate="firing"}');
    expect(firing.map(({ metric }) => metric.alertname)).toEqual([]);
  });

  test('promtool accepts the metrics and the rules', async () => {
    const response = await services[0].call('GET', '/metrics');
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await promtool(['check', 'metrics'], await response.text())).toEqual({ code: 0, output: '' });
    const rules = await promtool(['check', 'rules', RULES_FILE]);
    expect(rules).toEqual({ code: 0, output: expect.stringContaining('SUCCESS') });
  });
});
