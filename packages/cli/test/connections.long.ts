import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { brokerKinds, type TestStore } from '../../engine/test/support/brokers.ts';
import { startProgram } from '../../engine/test/support/program.ts';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { endAll, startCli } from './support/cli.ts';

const OPEN_FILES = 1_024;
/** What callbacks, broker and 64 leave of the limit. */
const MAX_CONNECTIONS = OPEN_FILES - 2 * 256 - 64 - 64;

let folder: TempFolder;
const ends: (() => unknown)[] = [];
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await endAll();
  await folder.remove();
});

/** A real service that may have 1,024 files open. */
async function startService(place: TestStore) {
  const port = await freePort();
  const service = startCli(['serve', '--broker', place.url, '--port', String(port)], {
    cwd: folder.path,
    maxOpenFiles: OPEN_FILES,
  });
  await service.saw(/Ctrl-C drains and stops it/);
  const key = readFileSync(folder.file('data/admin.key'), 'utf8').trim();
  const [, pid] = /"pid":(\d+).*"the service is running"/.exec(service.written.out) ?? [];
  const call = async (path: string, body?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', connection: 'close' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    return { status: response.status, json: (await response.json()) as never };
  };
  return { service, port, key, call, openFiles: () => readdirSync(`/proc/${pid}/fd`).length };
}

/** A client that connects and then does nothing at all, not even close. */
function connectSilent(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {}).pause();
  ends.push(() => socket.destroy());
  return socket;
}

/** A receiver of callbacks. */
async function startReceiver() {
  let received = 0;
  const server = createServer((_, response) => {
    received += 1;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => (server.close(), server.closeAllConnections()));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    received: () => received,
  };
}

async function healthMs(port: number): Promise<number> {
  const startedMs = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(10_000),
  });
  expect(response.status).toBe(200);
  await response.text();
  return performance.now() - startedMs;
}

const callbacks = (url: string, count: number, delay: string) => ({
  tasks: Array.from({ length: count }, (_, i) => ({ id: `c${i}` })),
  defaults: { callback: { url }, delay, retry: { max_retries: 0 } },
});

async function expectAllDelivered(
  call: (path: string) => Promise<{ json: never }>,
  count: number,
): Promise<void> {
  await expect
    .poll(async () => ((await call('/v1/queues/default')).json as { counts: object }).counts, {
      timeout: 20_000,
    })
    .toMatchObject({ completed: count, archived: 0, retry: 0, pending: 0, active: 0, scheduled: 0 });
}

describe.each(brokerKinds)('a service on $name with 1,024 files', ({ available, createStore }) => {
  test.skipIf(!available)(
    'answers and delivers beside 1,300 idle connections, whose descriptors are free after their time-out',
    async () => {
      const place = await createStore();
      ends.push(() => place.remove());
      const { port, call, openFiles } = await startService(place);
      const before = openFiles();
      const receiver = await startReceiver();
      await call('/v1/batches', callbacks(receiver.url, 200, '3s'));
      for (let i = 0; i < 1_300; i += 1) {
        connectSilent(port);
        if (i % 100 === 99) await sleep(20);
      }
      const connectedMs = performance.now();
      await expect.poll(openFiles).toBeGreaterThan(MAX_CONNECTIONS);
      expect(openFiles()).toBeLessThan(OPEN_FILES - 2 * 256);
      await healthMs(port);
      await expectAllDelivered(call, 200);
      // Headers have 10 s, and the connection two more.
      await sleep(connectedMs + 12_500 - performance.now());
      expect(openFiles()).toBeLessThan(before + 64);
    },
  );

  test.skipIf(!available)(
    'answers and delivers beside 5,000 silent connections that come again and again',
    async () => {
      const place = await createStore();
      ends.push(() => place.remove());
      const { port, call, openFiles } = await startService(place);
      const receiver = await startReceiver();
      await call('/v1/batches', callbacks(receiver.url, 200, '5s'));
      await startProgram(import.meta.url, 'flood.mjs', String(port), '5000').waitForLine(
        (line) => line === 'ready',
      );
      const times: number[] = [];
      for (let i = 0; i < 40; i += 1) {
        times.push(await healthMs(port));
        await sleep(200);
      }
      expect(openFiles()).toBeLessThan(OPEN_FILES - 256);
      await expectAllDelivered(call, 200);
      // The median, as a busy machine makes some of them late.
      expect(times.toSorted((a, b) => a - b)[20]).toBeLessThan(1_000);
    },
  );
});
