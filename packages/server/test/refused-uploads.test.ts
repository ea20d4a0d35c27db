import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRaw, sendRaw } from './support/raw-connection.ts';
import { listeningApp, type TestApp } from './support/test-app.ts';

let app: TestApp;
let port: number;
let auth: string;
beforeAll(async () => {
  ({ app, port, auth } = await listeningApp());
});
afterAll(() => app.close());

const MIB = 1_024 * 1_024;
const PIECE = 'x'.repeat(64 * 1_024);
const JSON_HEADER = 'content-type: application/json\r\n';

/** Uploads that are refused before their body has arrived, by their status. */
const REFUSED = [
  ['401', 'POST /v1/tasks', () => JSON_HEADER],
  ['403', 'POST /v1/queues/default/pause', () => viewer + JSON_HEADER],
  ['404', 'POST /nowhere', () => auth],
  ['405', 'PUT /v1/tasks', () => auth],
  ['400', 'DELETE /v1/tasks/x', () => auth],
  ['400', 'GET /healthz', () => ''],
  ['413', 'POST /v1/tasks', () => auth + JSON_HEADER],
  ['415', 'POST /v1/tasks', () => auth],
  ['415', 'POST /v1/tasks', () => `${auth}${JSON_HEADER}content-encoding: gzip\r\n`],
] as const;
let viewer: string;
beforeAll(async () => {
  viewer = `authorization: Bearer ${await app.createKey({ role: 'viewer' })}\r\n`;
});

const head = (at: string, headers: string, length: number) =>
  `${at} HTTP/1.1\r\nhost: x\r\n${headers}content-length: ${length}\r\n\r\n`;

describe.concurrent.each(REFUSED)('a refusal with %s of %s', (status, at, headers) => {
  test('is read by a client that sends its whole body first, as slow as it is', async () => {
    const { send, socket, closed } = await connectRaw(port, { isDeaf: true });
    await send(head(at, headers(), 2 * MIB));
    await send(PIECE.repeat(16));
    // Longer than the half second after which the framework would cut the connection.
    await sleep(800);
    for (let i = 0; i < 16; i += 1) await send(PIECE);
    socket.resume();
    expect(await closed).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*connection: close`));
    socket.destroy();
  });

  test('comes from the head alone when the client asks before it sends', async () => {
    const { send, closed, socket } = await connectRaw(port);
    await send(head(at, `${headers()}expect: 100-continue\r\n`, 2 * MIB));
    expect(await closed).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    socket.destroy();
  });
});

test('a refused upload without a length is read on, too', async () => {
  const { send, socket, closed } = await connectRaw(port, { isDeaf: true });
  await send(`POST /v1/tasks HTTP/1.1\r\nhost: x\r\n${auth}${JSON_HEADER}transfer-encoding: chunked\r\n\r\n`);
  const chunk = `${PIECE.length.toString(16)}\r\n${PIECE}\r\n`;
  await send(chunk.repeat(20));
  await sleep(800);
  for (let i = 0; i < 20; i += 1) await send(chunk);
  await send('0\r\n\r\n');
  socket.resume();
  expect(await closed).toMatch(/^HTTP\/1\.1 413 [^]*"code":"too-large"/);
  socket.destroy();
});

test('a refused upload is cut when it does not end', async () => {
  const { send, saw, closed, socket } = await connectRaw(port);
  await send(head('POST /v1/tasks', JSON_HEADER, 1_024 * MIB));
  await saw(/^HTTP\/1\.1 401/);
  let sent = 0;
  let isCut = false;
  socket.once('error', () => (isCut = true));
  for (; sent < 200 * MIB && !isCut; sent += MIB) await send(PIECE.repeat(16));
  await closed;
  // The system takes some megabytes on both sides before it knows.
  expect(sent).toBeGreaterThanOrEqual(16 * MIB);
  expect(sent).toBeLessThan(64 * MIB);
});

test('what follows a refused upload on the connection is no request', async () => {
  const hidden = `POST /v1/tasks HTTP/1.1\r\nhost: x\r\n${auth}${JSON_HEADER}content-length: 24\r\n\r\n{"id":"late","type":"t"}`;
  const { send, saw, closed, socket } = await connectRaw(port);
  await send(head('POST /v1/tasks', JSON_HEADER, 10));
  await saw(/^HTTP\/1\.1 401/);
  await send(`0123456789${hidden}`);
  expect((await closed).match(/HTTP\/1\.1/g)).toHaveLength(1);
  expect((await app.call('GET', '/v1/tasks/late')).status).toBe(404);
  socket.destroy();
});

test('a refused body that has already arrived leaves the connection open', async () => {
  const first = `${head('POST /v1/tasks', JSON_HEADER, 2)}{}`;
  const answer = await sendRaw(port, `${first}GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  expect(answer.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 401', 'HTTP/1.1 200']);
});

describe('a client that asks before it sends', () => {
  const body = '{"type":"t"}';

  test('is told to go on when its request is taken', async () => {
    const { send, saw, closed, socket } = await connectRaw(port);
    const expecting = `${auth}${JSON_HEADER}connection: close\r\nexpect: 100-Continue\r\n`;
    await send(head('POST /v1/tasks', expecting, body.length));
    await saw(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    await send(body);
    expect((await closed).match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 201']);
    socket.destroy();
  });

  test('reads its refusal although it sends without waiting', async () => {
    const { send, saw, socket, closed } = await connectRaw(port);
    await send(head('POST /v1/tasks', `${JSON_HEADER}expect: 100-continue\r\n`, PIECE.length * 4));
    await saw(/^HTTP\/1\.1 401/);
    for (let i = 0; i < 4; i += 1) await send(PIECE);
    expect((await closed).match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 401']);
    socket.destroy();
  });
});
