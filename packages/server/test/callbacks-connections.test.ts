/** Which connection a callback goes out on, and what happens when that one ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { systemClock, type Clock } from '@task-center/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates, type Certificates } from '../../engine/test/support/certificates.ts';
import { createDeliverer, type Deliverer, type DeliverLimits } from '../src/callbacks/deliver.ts';
import { createConnector } from '../src/callbacks/http1/connect.ts';
import { ReceiverConnection } from '../src/callbacks/http1/connection.ts';
import type { CallbackRequest } from '../src/callbacks/request.ts';
import { byteServer, closeLater, requestServer, reset, slowLine, urlOf } from './support/receivers.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const LIMITS: DeliverLimits = { connectMs: 5_000, totalMs: 5_000 };
const AT_ONCE = 8;

let folder: string;
let certificates: Certificates;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tc-wire-'));
  certificates = makeCertificates(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

function aDeliverer(clock: Pick<Clock, 'monotonicMs' | 'after'> = systemClock): Deliverer {
  const deliverer = createDeliverer({ concurrency: 10, clock, ca: certificates.pem.ca });
  closeLater(() => deliverer.close());
  return deliverer;
}

const aRequest = (url: string, over: Partial<CallbackRequest> = {}): CallbackRequest => ({
  url,
  method: 'POST',
  headers: { 'webhook-id': 'dlv_1' },
  body: Buffer.from('{}'),
  ...over,
});

/** What a raw receiver remembers. */
interface Receiver {
  readonly port: number;
  readonly ids: (string | undefined)[];
  readonly ports: Set<number | undefined>;
}

/** Answers by `act`, and notes delivery IDs and the connections' ports. */
async function receiver(act: (socket: Socket, nth: number) => unknown, isSecure = false): Promise<Receiver> {
  const ids: (string | undefined)[] = [];
  const ports = new Set<number | undefined>();
  const onRequest = (socket: Socket, nth: number, text: string) => {
    ids.push(/webhook-id: (\S+)/.exec(text)?.[1]);
    ports.add(socket.remotePort);
    act(socket, nth);
  };
  const port = await requestServer(onRequest, isSecure ? certificates.pem : undefined);
  return { port, ids, ports };
}

const ENDS: [string, (socket: Socket) => unknown][] = [
  ['closes', (socket) => socket.end()],
  ['resets', reset],
];

describe.each(['http', 'https'])('over %s', (scheme) => {
  const isSecure = scheme === 'https';

  describe.each(ENDS)('a receiver that %s kept connections as requests go out', (_, end) => {
    test.each(['POST', 'GET'] as const)(
      'gets each %s once more, with the same delivery ID',
      async (method) => {
        const { port, ids } = await receiver((socket, nth) => {
          if (nth > AT_ONCE && nth <= 2 * AT_ONCE) end(socket);
          else socket.write(OK);
        }, isSecure);
        const deliverer = aDeliverer();
        const url = urlOf(await slowLine(port, 10), scheme);
        const body = method === 'GET' ? null : Buffer.from('{}');
        const deliverAll = (round: number) =>
          Promise.all(
            Array.from({ length: AT_ONCE }, (_item, i) =>
              deliverer.deliver(
                aRequest(url, { method, body, headers: { 'webhook-id': `dlv_${round}_${i}` } }),
                LIMITS,
              ),
            ),
          );
        await deliverAll(1);
        const results = await deliverAll(2);
        expect(results.map(({ answer, fault }) => fault ?? answer?.status)).toEqual(results.map(() => 200));
        expect(results.every(({ resent }) => resent?.startsWith('sent again on a new connection'))).toBe(
          true,
        );
        const [failed, again] = [ids.slice(AT_ONCE, 2 * AT_ONCE), ids.slice(2 * AT_ONCE)];
        expect(new Set(again)).toEqual(new Set(failed));
      },
    );
  });

  test('the second time is the last: a new connection that ends is a fault', async () => {
    const { port, ids } = await receiver(
      (socket, nth) => (nth === 1 ? socket.write(OK) : socket.end()),
      isSecure,
    );
    const deliverer = aDeliverer();
    const url = urlOf(port, scheme);
    await deliverer.deliver(aRequest(url), LIMITS);
    const { fault, resent } = await deliverer.deliver(aRequest(url), LIMITS);
    expect(fault).toMatchObject({ class: 'reset' });
    expect(resent).toMatch(/^sent again/);
    expect(ids).toHaveLength(3);
  });

  test('a large request that is answered from its headers gets the status, and its connection is closed', async () => {
    let peer: Socket | undefined;
    const port = await byteServer(
      (socket) => {
        peer = socket;
        socket.once('data', () => {
          socket.pause();
          socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
        });
      },
      isSecure ? certificates.pem : undefined,
    );
    const request = aRequest(urlOf(port, scheme), { body: Buffer.alloc(8_000_000) });
    expect((await aDeliverer().deliver(request, LIMITS)).answer?.status).toBe(413);
    const ended = new Promise((resolve) => peer?.once('close', resolve));
    peer?.resume();
    await ended;
  });

  test('an answer that arrived before the request is not taken for its answer', async () => {
    const { port, ids } = await receiver((socket, nth) => {
      socket.write(nth === 1 ? `${OK}HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n` : OK);
    }, isSecure);
    const deliverer = aDeliverer();
    for (const _ of [1, 2])
      expect((await deliverer.deliver(aRequest(urlOf(port, scheme)), LIMITS)).answer?.status).toBe(200);
    expect(ids).toHaveLength(2);
  });
});

test('an answer that is late for nothing closes the connection before the next request goes out', async () => {
  let idle: Socket | undefined;
  const { port } = await receiver((socket) => {
    idle = socket;
    socket.write(OK);
  });
  const deliverer = aDeliverer();
  await deliverer.deliver(aRequest(urlOf(port)), LIMITS);
  await new Promise<unknown>((resolve) =>
    idle?.write('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n', resolve),
  );
  expect((await deliverer.deliver(aRequest(urlOf(port)), LIMITS)).answer?.status).toBe(200);
});

test('connections that wait give way to new ones, the oldest first: their number has a bound', async () => {
  let open = 0;
  const servers = await Promise.all(
    Array.from({ length: 12 }, () =>
      receiver((socket) => {
        open += 1;
        socket.once('close', () => (open -= 1));
        socket.write(OK);
      }),
    ),
  );
  const deliverer = aDeliverer();
  for (const { port } of servers) await deliverer.deliver(aRequest(urlOf(port)), LIMITS);
  await expect.poll(() => open).toBe(10);
  const [first, , third] = servers as [Receiver, Receiver, Receiver];
  for (const { port } of [third, first]) await deliverer.deliver(aRequest(urlOf(port)), LIMITS);
  expect([first.ports.size, third.ports.size]).toEqual([2, 1]);
});

describe('a connection', () => {
  test('lives two minutes, whatever its traffic', async () => {
    let passedMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
    const { port, ports } = await receiver((socket) => socket.write(OK));
    const deliverer = aDeliverer(clock);
    for (; passedMs < 119_000; passedMs += 7_000) await deliverer.deliver(aRequest(urlOf(port)), LIMITS);
    expect(ports.size).toBe(1);
    passedMs = 120_000;
    await deliverer.deliver(aRequest(urlOf(port)), LIMITS);
    expect(ports.size).toBe(2);
  });

  test.each([
    ['connection: close', 2],
    ['keep-alive: timeout=1', 2],
    ['keep-alive: timeout=60', 1],
    ['connection: Keep-Alive', 1],
    ['connection: TE, Close', 2],
    ['transfer-encoding: chunked', 2],
  ])('that has answered with `%s` serves two requests over %i', async (header, expected) => {
    const chunk = header.startsWith('transfer') ? '2\r\nok\r\n0\r\n\r\n' : 'ok';
    const { port, ports } = await receiver((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\n${header}\r\ncontent-length: 2\r\n\r\n${chunk}`),
    );
    const deliverer = aDeliverer();
    for (const _ of [1, 2]) await deliverer.deliver(aRequest(urlOf(port)), LIMITS);
    expect(ports.size).toBe(expected);
  });

  test.each(['http', 'https'])(
    'whose write fails is still read over %s: the answer has come before',
    async (scheme) => {
      // The receiver answers and resets while this thread stands still: only then is it certain that the write fails.
      const steps = new Int32Array(new SharedArrayBuffer(8));
      const certificate = scheme === 'https' ? certificates.pem : null;
      const resetting = startResettingReceiver({ steps, certificate });
      const url = new URL(urlOf((await resetting.message()) as number, scheme));
      const connectTo = createConnector({ clock: systemClock, ca: certificates.pem.ca });
      const connected = resetting.message();
      const socket = await connectTo(url, new AbortController().signal);
      await connected;
      const connection = new ReceiverConnection(socket, 0);
      Atomics.store(steps, 0, 1);
      Atomics.notify(steps, 0);
      Atomics.wait(steps, 1, 0, 10_000);
      let text = '';
      await new Promise<void>((resolve) => {
        connection.send('POST / HTTP/1.1\r\n\r\n', Buffer.alloc(300_000), {
          onBytes: (bytes) => (text += bytes.toString()),
          onClosed: () => resolve(),
        });
      });
      expect(text).toContain('401');
      expect(connection.isOpen).toBe(false);
    },
  );
});

/** Runs in a thread of its own: waits for the first step, answers, resets the connection and reports the second step. */
const RESETTING_RECEIVER = `
  const { parentPort, workerData: { steps, certificate } } = require('node:worker_threads');
  const onSocket = (raw) => (socket) => {
    socket.on('error', () => {});
    parentPort.postMessage('connected');
    Atomics.wait(steps, 0, 0);
    socket.write('HTTP/1.1 401 No\\r\\ncontent-length: 0\\r\\n\\r\\n', () => {
      raw(socket).resetAndDestroy();
      setImmediate(() => { Atomics.store(steps, 1, 1); Atomics.notify(steps, 1); });
    });
  };
  let last;
  const server = certificate
    ? require('node:tls').createServer({ cert: Buffer.from(certificate.cert), key: Buffer.from(certificate.key) }, onSocket(() => last))
    : require('node:net').createServer(onSocket((socket) => socket));
  server.on('connection', (socket) => (last = socket));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;

/** Starts it. `message` resolves to the next thing that it says. */
function startResettingReceiver(workerData: unknown): { message(): Promise<unknown> } {
  const thread = new Worker(RESETTING_RECEIVER, { eval: true, workerData });
  closeLater(() => thread.terminate());
  return { message: () => new Promise((resolve) => thread.once('message', resolve)) };
}
