import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { brokerKinds, type TestStore } from '../../engine/test/support/brokers.ts';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { endAll, startCli } from './support/cli.ts';

const MIB = 1_024 * 1_024;

let folder: TempFolder;
const ends: (() => unknown)[] = [];
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await endAll();
  await folder.remove();
});

/** Memory of a process, MiB. */
function rssOf(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1_024;
}

async function startService(place: TestStore) {
  const port = await freePort();
  const service = startCli(['serve', '--broker', place.url, '--port', String(port)], {
    cwd: folder.path,
  });
  await service.saw(/Ctrl-C drains and stops it/);
  const key = readFileSync(folder.file('data/admin.key'), 'utf8').trim();
  const [, pid] = /"pid":(\d+).*"the service is running"/.exec(service.written.out) ?? [];
  const call = async (path: string, body?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: (await response.json()) as never };
  };
  return { port, key, call, pid: Number(pid) };
}

/** Memory of a process while `act` runs, at most and at its end, MiB. */
async function measure(pid: number, act: () => Promise<void>): Promise<{ most: number; after: number }> {
  let most = rssOf(pid);
  const timer = setInterval(() => (most = Math.max(most, rssOf(pid))), 20);
  await act().finally(() => clearInterval(timer));
  return { most, after: rssOf(pid) };
}

const HOLD_MS = 6_000;

/** Opens connections that send `bytes` and read nothing, holds them for a while, and closes them. */
async function attack(port: number, count: number, bytes: Buffer): Promise<void> {
  const sockets: Socket[] = Array.from({ length: count }, () => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {}).pause();
    socket.write(bytes);
    return socket;
  });
  await sleep(HOLD_MS);
  for (const socket of sockets) socket.destroy();
  await sleep(2_000);
}

/** Attacks twice: the memory stays within the bound, and what the second attack leaves is within what the first one took. */
async function expectBounded(pid: number, idle: number, act: () => Promise<void>): Promise<void> {
  const first = await measure(pid, act);
  const second = await measure(pid, act);
  const measured = JSON.stringify({ idle, first, second });
  expect(Math.max(first.most, second.most), measured).toBeLessThan(idle + 250);
  expect(second.after, measured).toBeLessThan(first.most + 20);
}

/** A receiver that fails with a long answer. */
async function startReceiver(): Promise<string> {
  const server = createServer((_, response) => {
    response.statusCode = 500;
    response.end('\u0001'.repeat(8_000));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => (server.close(), server.closeAllConnections()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe.each(brokerKinds)('the memory of a service on $name', ({ available, createStore }) => {
  test.skipIf(!available)('is bounded beside 300 uploads that do not end', async () => {
    const place = await createStore();
    ends.push(() => place.remove());
    const { port, key, call, pid } = await startService(place);
    await call('/v1/queues');
    const idle = rssOf(pid);
    const head = `POST /v1/batches HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${8 * MIB}\r\n\r\n`;
    const upload = Buffer.concat([Buffer.from(head), Buffer.alloc(8 * MIB - 1_024, ' ')]);
    await expectBounded(pid, idle, () => attack(port, 300, upload));
    // Each piece of one byte would take a hundred as an object of its own.
    const pieces = head.replace(`content-length: ${8 * MIB}`, 'transfer-encoding: chunked');
    const tiny = Buffer.from(pieces + '1\r\n \r\n'.repeat(500_000));
    const { most } = await measure(pid, () => attack(port, 20, tiny));
    expect(most).toBeLessThan(idle + 250);
    expect((await call('/v1/tasks', { type: 't', payload: { a: 1 } })).status).toBe(201);
  });

  test.skipIf(!available)('is bounded beside 24 callers that do not read their pages', async () => {
    const place = await createStore();
    ends.push(() => place.remove());
    const { port, key, call, pid } = await startService(place);
    const url = await startReceiver();
    const retry = { max_retries: 4, backoff: { kind: 'fixed', delay: '1s', jitter: 0 } };
    for (let i = 0; i < 4; i += 1) {
      const { json } = await call('/v1/batches', {
        defaults: { callback: { url }, retry, payload_text: '\u0001'.repeat(20_000) },
        tasks: Array.from({ length: 125 }, () => ({})),
      });
      expect((json as { counts: object }).counts).toMatchObject({ created: 125 });
    }
    await expect
      .poll(async () => ((await call('/v1/queues/default')).json as { counts: object }).counts, {
        timeout: 60_000,
      })
      .toMatchObject({ archived: 500 });
    const idle = rssOf(pid);
    const list = 'GET /v1/tasks?queue=default&state=archived&limit=500&include=payload,attempts HTTP/1.1';
    const request = `${list}\r\nhost: x\r\nauthorization: Bearer ${key}\r\n\r\n`;
    await expectBounded(pid, idle, () => attack(port, 24, Buffer.from(request.repeat(8))));
    expect((await call('/v1/tasks?queue=default&state=archived&limit=10')).status).toBe(200);
  });
});
