import { createServer as createTcpServer } from 'node:net';
import { systemClock } from '@task-center/engine';
import { describe, expect, test } from 'vitest';
import { createDeliverer, type Deliverer, type DeliverLimits } from '../src/callbacks/deliver.ts';
import type { CallbackRequest } from '../src/callbacks/request.ts';
import { closeLater, httpServer, listening, rawServer, requestServer, urlOf } from './support/receivers.ts';

function aDeliverer(): Deliverer {
  const deliverer = createDeliverer({ concurrency: 10, clock: systemClock });
  closeLater(() => deliverer.close());
  return deliverer;
}

const aRequest = (url: string, over: Partial<CallbackRequest> = {}): CallbackRequest => ({
  url,
  method: 'POST',
  headers: { 'content-type': 'application/json', 'webhook-id': 'dlv_1' },
  body: Buffer.from('{"id":1234567890123456789}'),
  ...over,
});
const LIMITS: DeliverLimits = { connectMs: 2_000, totalMs: 5_000 };
const send = (url: string, limits: Partial<DeliverLimits> = {}) =>
  aDeliverer().deliver(aRequest(url), { ...LIMITS, ...limits });

describe('a request', () => {
  test('has our headers in their order and the body byte for byte', async () => {
    const seen: string[] = [];
    const url = await rawServer((text, socket) => {
      if (!text.endsWith('}')) return;
      seen.push(text);
      socket.end('HTTP/1.1 204 No Content\r\n\r\n');
    });
    const { answer, fault } = await send(url);
    expect({ status: answer?.status, fault }).toEqual({ status: 204, fault: null });
    expect(seen).toEqual([
      'POST /hook?a=1 HTTP/1.1\r\n' +
        `host: ${new URL(url).host}\r\n` +
        'connection: keep-alive\r\n' +
        'content-type: application/json\r\n' +
        'webhook-id: dlv_1\r\n' +
        'content-length: 26\r\n' +
        '\r\n' +
        '{"id":1234567890123456789}',
    ]);
  });

  test('reuses a connection', async () => {
    const ports = new Set<number | undefined>();
    const url = await httpServer((request, response) => {
      ports.add(request.socket.remotePort);
      request.resume().on('end', () => response.end('ok'));
    });
    const deliverer = aDeliverer();
    await deliverer.deliver(aRequest(url), LIMITS);
    await deliverer.deliver(aRequest(url), LIMITS);
    expect(ports.size).toBe(1);
  });
});

describe('an answer', () => {
  test('has a status, headers, body, address and times', async () => {
    const url = await httpServer((_, response) => {
      response.writeHead(503, 'Busy', { 'Retry-After': '5', 'set-cookie': ['a=1', 'b=2'] }).end('later');
    });
    const { answer, fault, remoteAddress, connectMs } = await send(url);
    expect(fault).toBeNull();
    expect(answer).toMatchObject({ status: 503, size: 5, cut: null });
    expect(answer?.headers).toMatchObject({ 'retry-after': '5', 'set-cookie': 'a=1, b=2' });
    expect(Buffer.from(answer?.bytes ?? []).toString()).toBe('later');
    expect(remoteAddress).toBe('127.0.0.1');
    expect(connectMs).toBeGreaterThanOrEqual(0);
    expect(answer?.firstByteMs).toBeGreaterThanOrEqual(connectMs ?? Infinity);
  });

  test('that redirects is not followed', async () => {
    let requests = 0;
    const url = await httpServer((_, response) => {
      requests += 1;
      response.writeHead(307, { location: '/other' }).end();
    });
    expect((await send(url)).answer).toMatchObject({ status: 307 });
    expect(requests).toBe(1);
  });

  test('is kept whole up to 256 KiB', async () => {
    const url = await httpServer((_, response) => response.end(Buffer.alloc(262_144, 'x')));
    const { answer } = await send(url);
    expect(answer).toMatchObject({ size: 262_144, cut: null });
    expect(answer?.bytes).toHaveLength(262_144);
  });

  test('over 256 KiB is kept as its first 8 KiB', async () => {
    const url = await httpServer((_, response) => response.end(Buffer.alloc(300_000, 'x')));
    const { answer } = await send(url);
    expect(answer).toMatchObject({ size: 300_000, cut: null });
    expect(answer?.bytes).toHaveLength(8_192);
  });

  test('without an end is cut after 1 MiB, and the connection is closed', async () => {
    const closed = new Promise<void>((resolve) => {
      void httpServer((_, response) => {
        const more = () => response.write(Buffer.alloc(65_536, 'x'), () => response.destroyed || more());
        response.once('close', resolve);
        more();
      }).then((url) => urlFound(url));
    });
    const { answer, fault } = await send(await found);
    expect(fault).toBeNull();
    expect(answer).toMatchObject({
      status: 200,
      size: 1_048_576,
      cut: 'the body was cut after 1048576 bytes: no more is read (limit 1048576 bytes)',
    });
    await closed;
  });

  let urlFound: (url: string) => void = () => undefined;
  const found = new Promise<string>((resolve) => (urlFound = resolve));

  test('is the final one, not an interim one before it', async () => {
    const url = await rawServer((_, socket) =>
      socket.end('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
    );
    expect((await send(url)).answer).toMatchObject({ status: 200, size: 2 });
  });
});

describe('a fault', () => {
  test('is a timeout if no answer arrives in time', async () => {
    const url = await rawServer(() => undefined);
    const before = performance.now();
    const { answer, fault } = await send(url, { totalMs: 150 });
    expect({ answer, fault }).toEqual({
      answer: null,
      fault: { class: 'timeout', message: 'no answer in time (limit 150 ms)' },
    });
    expect(performance.now() - before).toBeGreaterThanOrEqual(149);
  });

  test('is none once a status was read: the received part is kept', async () => {
    const url = await httpServer((_, response) => response.writeHead(200).write('a part'));
    const { answer, fault } = await send(url, { totalMs: 5_000, answerMs: 200 });
    expect(fault).toBeNull();
    const cut = 'the body was cut after 6 bytes: it did not end in time (limit 200 ms)';
    expect(answer).toMatchObject({ status: 200, size: 6, cut });
  });

  test('is a timeout if a signal ends the exchange, and the connection is closed', async () => {
    const attempt = new AbortController();
    let closed: Promise<unknown> = Promise.resolve();
    const url = await httpServer((request) => {
      closed = new Promise((resolve) => request.socket.once('close', resolve));
      attempt.abort();
    });
    expect((await send(url, { signal: attempt.signal })).fault).toMatchObject({ class: 'timeout' });
    await closed;
  });

  test('is a timeout if the signal was aborted before, and nothing is sent', async () => {
    let requests = 0;
    const url = await httpServer((_, response) => {
      requests += 1;
      response.end();
    });
    const deliverer = aDeliverer();
    const ended = await deliverer.deliver(aRequest(url), { ...LIMITS, signal: AbortSignal.abort() });
    expect(ended.fault).toMatchObject({ class: 'timeout' });
    await deliverer.deliver(aRequest(url), LIMITS);
    expect(requests).toBe(1);
  });

  test('is a connect timeout if the TLS handshake does not end in time', async () => {
    // The server never answers the TLS hello: TCP is connected, TLS is not.
    const url = (await rawServer(() => undefined)).replace('http:', 'https:');
    const before = performance.now();
    const { fault, connectMs } = await send(url, { connectMs: 150 });
    expect(fault).toEqual({ class: 'connect_timeout', message: 'no connection within 150 ms' });
    expect(connectMs).toBeNull();
    expect(performance.now() - before).toBeLessThan(1_500);
  });

  test('does not keep close waiting for a connection that is never established', async () => {
    const url = (await rawServer(() => undefined)).replace('http:', 'https:');
    const deliverer = aDeliverer();
    const before = performance.now();
    await deliverer.deliver(aRequest(url), { connectMs: 20_000, totalMs: 50 });
    await deliverer.close();
    expect(performance.now() - before).toBeLessThan(1_500);
  });

  test('is of class connect if the port is closed', async () => {
    const server = createTcpServer();
    const url = urlOf(await listening(server, () => undefined));
    await new Promise((resolve) => server.close(resolve));
    const { fault } = await send(url);
    expect(fault).toMatchObject({ class: 'connect' });
    expect(fault?.message).toMatch(/ECONNREFUSED/);
  });

  test('is of class dns if the name is unknown', async () => {
    expect((await send('http://no-such-host.invalid/')).fault).toMatchObject({ class: 'dns' });
  });

  test('is of class tls if the server answers in plain text', async () => {
    const url = await rawServer((_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect((await send(url.replace('http:', 'https:'))).fault).toMatchObject({ class: 'tls' });
  });

  test('is of class reset if the connection breaks', async () => {
    const url = await rawServer((_, socket) => socket.resetAndDestroy());
    expect((await send(url)).fault).toMatchObject({ class: 'reset' });
    const orderly = await rawServer((_, socket) => socket.end());
    expect((await send(orderly)).fault).toMatchObject({ class: 'reset' });
  });

  test('is of class protocol if a header of the task would be more than a header', async () => {
    const url = await rawServer(() => undefined);
    const request = aRequest(url, { headers: { 'x-a': 'b\r\nhost: elsewhere' } });
    const { fault } = await aDeliverer().deliver(request, LIMITS);
    expect(fault).toEqual({
      class: 'protocol',
      message: 'the task\'s header "x-a" is not valid and cannot be sent',
    });
  });
});

test('many exchanges at once all end, and a bounded number of connections is kept', async () => {
  let open = 0;
  const port = await requestServer((socket, nth) => {
    if (nth <= 40) {
      open += 1;
      socket.once('close', () => (open -= 1));
    }
    socket.write('HTTP/1.1 204 No Content\r\n\r\n');
  });
  const deliverer = aDeliverer();
  const request = aRequest(urlOf(port));
  const results = await Promise.all(Array.from({ length: 40 }, () => deliverer.deliver(request, LIMITS)));
  expect(results.map(({ answer }) => answer?.status)).toEqual(Array.from({ length: 40 }, () => 204));
  await expect.poll(() => open).toBe(10);
});
