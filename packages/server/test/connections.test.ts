import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createRuntime, type Clock } from '@task-center/engine';
import { describe, expect, test, type TestContext } from 'vitest';
import { createFakeClock, settle } from '../../engine/test/support/fake-clock.ts';
import { createHttpServer, type Fetch, type HttpServerOptions } from '../src/http/wire/http-server.ts';
import { writtenFields } from '../src/observe/logs.ts';
import { connectRaw, type RawConnection, type RawOptions } from './support/raw-connection.ts';

interface Options extends Partial<HttpServerOptions> {
  readonly clock?: Clock;
}

/** @param context of the test, with which the server ends */
async function startServer(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  fetch: Fetch,
  { clock, ...options }: Options = {},
) {
  const logged: object[] = [];
  const warn = (fields: Readonly<Record<string, unknown>>) => void logged.push(writtenFields(fields));
  const runtime = createRuntime({
    log: { debug() {}, info() {}, warn, error() {} },
    ...(clock && { clock }),
  });
  const server: Server = createHttpServer(fetch, { maxConnections: 100, version: '1', ...options }, runtime);
  /** The service's sides, in the order of the connections. */
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    logged,
    sockets,
    open: () => sockets.filter(({ destroyed }) => !destroyed).length,
    /** Resolves when the service has it, too. */
    async connect(raw?: RawOptions): Promise<RawConnection> {
      const accepted = once(server, 'connection');
      const connection = await connectRaw(port, raw);
      onTestFinished(() => void connection.socket.destroy());
      await accepted;
      return connection;
    },
  };
}

const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const upload = (length: number) => `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`;
const answerOk: Fetch = () => new Response('ok');
const readAll: Fetch = async (request) => new Response(await request.text().catch(() => 'broken off'));

describe('the descriptor of a peer that neither reads nor closes is free', () => {
  const timeouts = { headersTimeout: 200, requestTimeout: 400, keepAliveTimeout: 200 };
  /** What is sent before the peer falls silent. */
  test.concurrent.for([
    ['its headers do not arrive in time', 'GET / HTTP/1.1\r\nhost: x\r\nx:'],
    ['its body does not arrive in time', `${upload(10)}12345`],
    ['its next request does not come', GET],
    ['its next request does not arrive in time', `${GET}GET / HTTP/1.1\r\n`],
    ['it never sends anything', ''],
    ['it has sent what is no request', 'nonsense\r\n\r\n'],
    ['it has asked for a tunnel', 'CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n'],
  ] as const)('when %s', async ([, text], context) => {
    const { connect, sockets } = await startServer(context, readAll, { timeouts });
    const { send } = await connect({ isDeaf: true });
    if (text !== '') await send(text);
    const [socket] = sockets as [Socket];
    if (!socket.destroyed) await once(socket, 'close');
    context.expect(socket.destroyed).toBe(true);
  });
});

describe('a time-out', () => {
  const timeouts = { headersTimeout: 200, requestTimeout: 400, keepAliveTimeout: 200 };

  test.concurrent.for([
    ['of the headers', 'GET / HTTP/1.1\r\nhost: x\r\nx-request-id: a\r\nx:'],
    ['of the body', `${upload(10)}12345`],
  ] as const)('%s is told as malformed', async ([, text], context) => {
    const { connect } = await startServer(context, readAll, { timeouts });
    const { send, closed } = await connect();
    await send(text);
    const answer = await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*x-content-type-options: nosniff[^]*did not arrive in time/);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test.concurrent('of a peer that sent nothing has no answer', async (context) => {
    const { connect } = await startServer(context, readAll, { timeouts });
    context.expect(await (await connect()).closed).toBe('');
  });
});

/** What Node's handle of a socket says about bytes that the system has not taken. */
const handleOf = (socket: Socket) => Reflect.get(socket, '_handle') as { writeQueueSize: number };

describe('a peer that does not read its answer', () => {
  const MIB = 1_024 * 1_024;
  const answerLarge: Fetch = () => new Response('x'.repeat(32 * MIB));

  async function startStalled(context: TestContext) {
    const clock = createFakeClock();
    const { connect, sockets } = await startServer(context, answerLarge, { clock });
    const { send, socket: client } = await connect({ isDeaf: true });
    await send(GET);
    const [socket] = sockets as [Socket];
    await expect.poll(() => socket.writableLength).toBeGreaterThan(0);
    return { clock, client, socket };
  }

  test('is cut after 30 s', async (context) => {
    const { clock, socket } = await startStalled(context);
    await clock.advance(30_000);
    expect(socket.destroyed).toBe(false);
    await clock.advance(1_000);
    expect(socket.destroyed).toBe(true);
  });

  test('is not cut while it takes some, however slowly', async (context) => {
    const { clock, client, socket } = await startStalled(context);
    client.removeAllListeners('data').setEncoding('latin1');
    for (let round = 0; round < 4; round += 1) {
      const before = handleOf(socket).writeQueueSize;
      client.on('data', () => handleOf(socket).writeQueueSize < before && client.pause());
      client.resume();
      await expect.poll(() => handleOf(socket).writeQueueSize).toBeLessThan(before);
      client.pause().removeAllListeners('data');
      await clock.advance(20_000);
      expect(socket.destroyed).toBe(false);
    }
    await clock.advance(31_000);
    expect(socket.destroyed).toBe(true);
  });
});

describe('a refused upload that goes on', () => {
  const refuse: Fetch = () => new Response('no', { status: 401, headers: { connection: 'close' } });

  test('is cut after 5 s, however slowly it is sent', async (context) => {
    const clock = createFakeClock();
    const { connect, sockets } = await startServer(context, refuse, { clock });
    const { send, saw } = await connect();
    await send(upload(100));
    await saw(/^HTTP\/1\.1 401/);
    for (let s = 0; s < 4; s += 1) {
      await send('x');
      await clock.advance(1_000);
    }
    expect(sockets[0]?.destroyed).toBe(false);
    await clock.advance(1_500);
    expect(sockets[0]?.destroyed).toBe(true);
  });
});

describe('at the bound', () => {
  const ask = async ({ send, saw, received }: RawConnection) => {
    const seen = received().split('HTTP/1.1 200').length;
    await send(GET);
    await saw(new RegExp(`(?:HTTP/1\\.1 200 [^]*ok){${seen}}`));
  };

  test('the connection that has had no request for longest gives way', async (context) => {
    const { connect, open, sockets, logged } = await startServer(context, answerOk, { maxConnections: 3 });
    const first = await connect();
    await ask(first);
    const second = await connect();
    const silent = await connect();
    // The service has finished the answer when the next one has been answered, too.
    await ask(first);
    await ask(first);
    const fourth = await connect();
    expect(await second.closed).toBe('');
    await ask(fourth);
    await connect();
    expect(await silent.closed).toBe('');
    expect(open()).toBe(3);
    await ask(first);
    await ask(fourth);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, true, true, false, false]);
    // One line, not one for each.
    expect(logged).toEqual([{ max_connections: 3, closed: 1 }]);
  });

  test('a request in progress keeps its connection, and an unfinished upload does not', async (context) => {
    const answers: (() => void)[] = [];
    const slow: Fetch = (request) =>
      request.method === 'POST'
        ? readAll(request, {} as never)
        : new Promise((resolve) => answers.push(() => resolve(new Response('ok'))));
    const { connect } = await startServer(context, slow, { maxConnections: 2 });
    const working = await connect();
    await working.send(GET);
    await expect.poll(() => answers.length).toBe(1);
    const uploading = await connect();
    await uploading.send(`${upload(10)}123`);
    await settle();
    for (let i = 0; i < 3; i += 1) await connect();
    expect(await uploading.closed).toBe('');
    answers[0]?.();
    await working.saw(/ok$/);
  });

  test('where all are at work, the oldest request gives way', async (context) => {
    const arrived: string[] = [];
    const never: Fetch = (request) => {
      arrived.push(request.url);
      return new Promise(() => {});
    };
    const { connect } = await startServer(context, never, { maxConnections: 2 });
    const [oldest, newer] = [await connect(), await connect()];
    for (const [i, { send }] of [oldest, newer].entries()) {
      await send(GET);
      await expect.poll(() => arrived.length).toBe(i + 1);
    }
    const last = await connect();
    expect(await oldest.closed).toBe('');
    expect(newer.socket.readableEnded).toBe(false);
    last.end();
  });
});

test('an error that the application does not answer is a defect with the usual headers', async (context) => {
  const { connect } = await startServer(context, () => Promise.reject(new Error('secret')));
  const { send, saw, received } = await connect();
  await send(GET);
  await saw(/^HTTP\/1\.1 500 [^]*"code":"internal"/);
  expect(received()).toMatch(/^x-request-id: /m);
  expect(received()).not.toContain('secret');
});

test('a client that asks for a tunnel and resets the connection does no harm', async (context) => {
  const { connect, sockets } = await startServer(context, answerOk);
  const { send, saw, socket } = await connect();
  await send('CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n');
  await saw(/^HTTP\/1\.1 400/);
  const [ours] = sockets as [Socket];
  const { bytesRead } = ours;
  await send('more');
  await expect.poll(() => ours.bytesRead).toBeGreaterThan(bytesRead);
  socket.resetAndDestroy();
  // Vitest reports an error that nobody handles.
  await expect.poll(() => ours.destroyed).toBe(true);
});
