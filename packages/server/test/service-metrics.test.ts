import type { ServerResponse } from 'node:http';
import { formatApiKey, parseApiKey } from '@task-center/api';
import { Events, silentLog } from '@task-center/engine';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { nextEvents } from '../../engine/test/support/next-event.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { newApiKey } from '../src/auth/local-key.ts';
import { serve, type RunningService } from '../src/serve.ts';
import { VERSION } from '../src/version.ts';
import { closeLater, httpServer } from './support/receivers.ts';
import { testConfig } from './support/test-app.ts';

let folder: TempFolder;
beforeEach(async () => void (folder = await tempFolder()));
afterEach(() => folder.remove());

/** A service on SQLite in mode `try`: its metrics need no key on this machine. */
async function start(flags: Record<string, unknown> = {}, events = new Events()): Promise<RunningService> {
  const config = testConfig({ 'http.port': '0', data_dir: folder.file('data'), ...flags });
  const service = await serve(config, { log: silentLog, runtime: { events } });
  closeLater(() => service.stop());
  return service;
}

const scrape = async ({ url }: RunningService) =>
  (await (await fetch(`${url}/metrics?scope=process`)).text()).split('\n');

const named = (lines: readonly string[], name: string) =>
  lines.filter((line) => new RegExp(`^${name}(_bucket|_sum|_count)?[{ ]`).test(line));

/** The label names of a metric, as all its lines have them. */
const labelsOf = (lines: readonly string[], name: string) =>
  [
    ...new Set(named(lines, name).map((line) => [...line.matchAll(/(\w+)="/g)].map(([, at]) => at).join())),
  ].sort();

/** Lines that count: no sums of seconds and no buckets. */
const countsOf = (lines: readonly string[], name: string) =>
  named(lines, name).filter((line) => !/_(sum|bucket)[{ ]/.test(line) && !line.endsWith(' 0'));

describe('what the service counts of itself', () => {
  test('is there after some work, each metric with exactly its labels', async () => {
    const events = new Events();
    const service = await start({ 'callbacks.concurrency': '7' }, events);
    const answers: Record<string, number> = { '/ok': 200, '/gone': 410, '/busy': 503 };
    const receiver = await httpServer((request, response) => {
      response.writeHead(answers[request.url ?? ''] ?? 500).end();
    });
    const urls = Object.keys(answers).map((path) => new URL(path, receiver).href);
    urls.push(`http://127.0.0.1:${await freePort()}/`);
    const key = service.firstKey?.key ?? '';
    const call = (path: string, as: string | null, init: RequestInit = {}) =>
      fetch(service.url + path, {
        ...init,
        headers: {
          'content-type': 'application/json',
          ...(as !== null && { authorization: `Bearer ${as}` }),
        },
      });
    const ended = nextEvents(events, 'attempt.finished', urls.length);
    for (const url of urls)
      await call('/v1/tasks', key, {
        method: 'POST',
        body: JSON.stringify({ type: 'x', retry: { max_retries: 0 }, callback: { url } }),
      });
    await ended;
    const other = newApiKey('live');
    const id = parseApiKey(key)?.id ?? '';
    for (const refused of [null, 'nonsense', formatApiKey(other), formatApiKey({ ...other, id })])
      await call('/v1/queues', refused);
    await call('/nowhere', key, { method: 'REPORT' });

    const lines = await scrape(service);
    const labels = (name: string) => labelsOf(lines, `taskcenter_${name}`);
    const counts = (name: string) => countsOf(lines, `taskcenter_${name}`);
    expect(counts('build_info')).toEqual([`taskcenter_build_info{version="${VERSION}",broker="sqlite"} 1`]);
    expect(counts('worker_slots')).toEqual(['taskcenter_worker_slots{kind="callback"} 7']);
    expect(named(lines, 'taskcenter_callbacks_in_flight')).toEqual(['taskcenter_callbacks_in_flight 0']);
    expect(counts('callbacks_total').sort()).toEqual([
      'taskcenter_callbacks_total{class="2xx",error=""} 1',
      'taskcenter_callbacks_total{class="4xx",error="http_status"} 1',
      'taskcenter_callbacks_total{class="5xx",error="http_status"} 1',
      'taskcenter_callbacks_total{class="error",error="connect"} 1',
    ]);
    expect(labels('callback_seconds')).toEqual(['class', 'class,le']);
    expect(counts('callback_seconds').sort()).toEqual(
      ['2xx', '4xx', '5xx', 'error'].map((at) => `taskcenter_callback_seconds_count{class="${at}"} 1`),
    );
    expect(labels('http_request_seconds')).toEqual(['route,method,status', 'route,method,status,le']);
    expect(counts('http_request_seconds').sort()).toEqual(
      [
        '{route="-",method="other",status="404"} 1',
        '{route="/v1/queues",method="GET",status="401"} 4',
        '{route="/v1/tasks",method="POST",status="201"} 4',
      ].map((rest) => `taskcenter_http_request_seconds_count${rest}`),
    );
    // The scrape itself.
    expect(named(lines, 'taskcenter_http_requests_in_flight')).toEqual([
      'taskcenter_http_requests_in_flight 1',
    ]);
    expect(labels('auth_failures_total')).toEqual(['reason']);
    expect(counts('auth_failures_total').sort()).toEqual(
      ['no_key', 'not_a_key', 'unknown_key', 'wrong_secret'].map(
        (reason) => `taskcenter_auth_failures_total{reason="${reason}"} 1`,
      ),
    );
  });

  test('has callbacks that have no answer yet, and no slots without the role worker', async () => {
    let arrive: (response: ServerResponse) => void;
    const arrived = new Promise<ServerResponse>((resolve) => (arrive = resolve));
    const receiver = await httpServer((_, response) => arrive(response));
    const events = new Events();
    const service = await start({}, events);
    const ended = nextEvents(events, 'attempt.finished', 1);
    await fetch(`${service.url}/v1/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.firstKey?.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'x', callback: { url: receiver } }),
    });
    const response = await arrived;
    const open = await scrape(service);
    expect(open).toContain('taskcenter_callbacks_in_flight 1');
    expect(countsOf(open, 'taskcenter_callbacks_total')).toEqual([]);
    response.end();
    await ended;
    expect(await scrape(service)).toContain('taskcenter_callbacks_in_flight 0');

    const alone = await start({ data_dir: folder.file('other'), roles: 'api' });
    expect(await scrape(alone)).toContain('taskcenter_worker_slots{kind="callback"} 0');
  });
});
