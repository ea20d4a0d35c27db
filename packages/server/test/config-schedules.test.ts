import { createRuntime } from '@task-center/engine';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../engine/test/support/until.ts';
import { applySchedules } from '../src/config-schedules.ts';
import { createMaintenanceRole } from '../src/maintenance.ts';
import { writtenFields } from '../src/observe/logs.ts';
import { testApp, testConfig, type TestApp } from './support/test-app.ts';

let app: TestApp;
const logged: string[] = [];
/** What the log of the service shows: a field that it drops tells nobody anything. */
const note = (fields: Readonly<Record<string, unknown>>, message: string) => {
  const { schedule, fix, detail } = writtenFields(fields);
  logged.push([schedule, message, fix ?? detail].filter(Boolean).join(' | '));
};
const log = { debug: () => {}, info: note, warn: note, error: note } as never;
beforeEach(async () => {
  app = await testApp();
  logged.length = 0;
});
afterEach(() => app.close());

/** A start of an instance with these schedules. */
const start = (schedules: readonly unknown[]) => {
  const config = testConfig({}, JSON.stringify({ schedules }));
  return applySchedules(app.broker, { config, rules: app.rules, runtime: createRuntime({ log }) });
};
const cleanup = { type: 'cleanup', queue: 'low', payload: { days: 7 } };
const nightly = { id: 'nightly', cron: '0 3 * * *', timezone: 'Europe/Berlin', task: cleanup };
const url = '/v1/schedules/nightly';

test('schedules of the configuration are stored, shown with their source, and not changed over the API', async () => {
  await start([nightly]);
  const { json } = await app.call('GET', url);
  expect(json).toMatchObject({ id: 'nightly', source: 'config', task: cleanup, version: 1 });
  const { id: _, ...body } = nightly;
  for (const [method, path, sent] of [
    ['PUT', url, body],
    ['PATCH', url, { owner: 'x' }],
    ['DELETE', url],
    ['POST', `${url}/pause`],
    ['POST', `${url}/resume`],
  ] as const)
    expect(await app.call(method, path, { body: sent })).toMatchObject({
      status: 409,
      json: { code: 'managed-elsewhere' },
    });
  expect((await app.call('POST', `${url}/run`)).status).toBe(201);
  expect((await app.call('GET', '/v1/schedules?source=config')).json.data).toHaveLength(1);
});

test('the set of the newest start wins, and leaves what it does not manage alone', async () => {
  const other = { cron: '0 4 * * *', task: { type: 'x', queue: 'low' } };
  await app.call('PUT', '/v1/schedules/other', { body: other });
  await start([nightly, { ...nightly, id: 'weekly' }]);
  await start([{ ...nightly, cron: '0 2 * * *' }]);
  await start([{ ...nightly, cron: '0 2 * * *' }]);
  const { json } = await app.call('GET', '/v1/schedules');
  const shown = json.data.map(({ id, cron, version }: Record<string, unknown>) => [id, cron, version]);
  expect(shown).toEqual([
    ['nightly', '0 2 * * *', 2],
    ['other', '0 4 * * *', 1],
  ]);
  expect(logged).toEqual(['weekly | a schedule was removed: the configuration no longer has it']);
  await start([]);
  expect((await app.call('GET', '/v1/schedules')).json.data).toMatchObject([{ id: 'other' }]);
});

test('one that is refused is logged, and the others are stored', async () => {
  const moved = { ...nightly, task: { ...cleanup, queue: 'high' } };
  await start([nightly]);
  const hidden = {
    queue: 'low',
    callback: { url: 'https://a.example.com/', headers: { authorization: '***' } },
  };
  await start([
    moved,
    { ...nightly, id: 'bad', calendar: 'none' },
    { ...nightly, id: 'good' },
    { ...nightly, id: 'secret', task: hidden },
  ]);
  const refused = 'a schedule of the configuration was refused; a stored one stays as it is';
  expect(logged).toEqual([
    expect.stringContaining(`secret | ${refused} | /task/callback/headers/authorization is hidden`),
    `nightly | ${refused} | Expected low: queue and kind of a schedule never change. For others, make another schedule.`,
    `bad | ${refused} | Expected the ID of a calendar that exists.`,
  ]);
  const { json } = await app.call('GET', '/v1/schedules');
  expect(json.data.map(({ id }: { id: string }) => id)).toEqual(['good', 'nightly']);
});

test('what is wrong in the configuration is named with its place', () => {
  const wrong = (schedules: unknown) => () => testConfig({}, JSON.stringify({ schedules }));
  expect(wrong([{ ...nightly, shards: 65 }])).toThrow('schedules[0].shards');
  expect(wrong([nightly, { ...nightly, cron: 'x' }])).toThrow('schedules[1].cron');
  expect(wrong([nightly, nightly])).toThrow('each schedule with another id');
  expect(wrong([{ ...nightly, backfill: {} }])).toThrow('schedules[0].backfill');
  const late = { ...nightly, task: { ...cleanup, delay: '5s' } };
  expect(wrong([late])).toThrow(/schedules\[0\]\.task\.delay.*"nothing: it is not a known field/);
  expect(wrong([{ ...nightly, cron: '0 99 * * *' }])).toThrow(/"a cron text whose field/);
  expect(wrong([{ cron: '@daily', task: cleanup }])).toThrow(
    /schedules\[0\]\.id.*"a value, which is required"/,
  );
});

test('the role scheduler fires schedules of all queues, also beside a worker', async () => {
  const task = { type: 'tick', queue: 'ticks' };
  await app.call('PUT', '/v1/schedules/tick', { body: { every: '1s', task } });
  const role = createMaintenanceRole({ broker: app.broker, runtime: createRuntime(), hasWorker: true });
  role.start();
  try {
    await until(async () => {
      const { json } = await app.call('GET', '/v1/fires?schedule_id=tick&outcome=fired');
      return json.data.length > 0;
    });
  } finally {
    await role.stop();
  }
  const { json } = await app.call('GET', '/v1/tasks?queue=ticks&state=pending');
  expect(json.data[0]).toMatchObject({
    type: 'tick',
    kind: 'handler',
    origin: 'schedule',
    schedule_id: 'tick',
    shard: null,
  });
});
