import { closeSync, openSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { afterTest, cleanUp, serveIn } from './support/service.ts';

afterEach(cleanUp);

test('a signal that ends other programs at once, to parent and service, costs a task that runs nothing', async () => {
  const service = await serveIn({ env: { TASKCENTER_SHUTDOWN_TIMEOUT: '2s' } });
  await service.pid();
  await service.holdTask();
  service.cli.signalAll('SIGQUIT');
  const { code, err } = await service.cli.ended;
  expect(code).toBe(0);
  expect(err).toMatch(/Stopping: .*\nStopped\.\n$/);
  expect(await service.heldTask()).toMatchObject({ state: 'pending', crashes: 0, deferrals: 1 });
});

test('a log on a full disk neither stops the service nor keeps it from ending', async () => {
  const full = openSync('/dev/full', 'w');
  afterTest(() => closeSync(full));
  const { cli, url } = await serveIn({
    env: { TASKCENTER_LOG_LEVEL: 'debug' },
    streams: { out: full, err: full },
  });
  const isHealthy = () =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await expect.poll(isHealthy, { timeout: 20_000 }).toBe(true);
  for (let n = 0; n < 20; n += 1) expect(await isHealthy()).toBe(true);
  cli.signal('SIGTERM');
  expect((await cli.ended).code).toBe(0);
});

test('while it says that it is not ready it serves what comes, and all of the stop stays within its grace', async () => {
  const service = await serveIn({
    env: { TASKCENTER_SHUTDOWN_TIMEOUT: '5s', TASKCENTER_SHUTDOWN_UNREADY: '2s' },
  });
  await service.pid();
  const { cli, url, call } = service;
  cli.signal('SIGTERM');
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'stopping' });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const stored = await call('POST', '/v1/tasks', { type: 't' });
  expect(stored.status).toBe(201);
  expect(stored.headers.get('connection')).toBe('close');
  expect((await cli.ended).code).toBe(0);
});
