import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connect, type ConnectOptions } from '../../../src/connect.ts';
import { hasOpenssl, makeCertificates, tlsArguments, type Certificates } from '../../support/certificates.ts';
import { aTask, finish } from '../../support/factories.ts';
import { freePort, hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../support/temp.ts';

let queueCount = 0;

/** Runs a task from its submission to its end, with a wake-up: uses every connection that a broker opens. */
async function runOneTask(url: string, options?: ConnectOptions): Promise<string> {
  const broker = await connect(url, options);
  try {
    await runOneTaskOn(broker);
    return broker.name;
  } finally {
    await broker.close();
  }
}

async function runOneTaskOn(broker: Broker): Promise<void> {
  // Tests run side by side on one server.
  const queue = `q${(queueCount += 1)}`;
  const woken = broker.signals.waitForWork([queue], AbortSignal.timeout(10_000));
  await broker.submit.enqueue([aTask({ queue, id: 'a' })]);
  await woken;
  const fetch = { queues: [queue], room: 1, leaseMs: 5_000, worker: 'w' };
  const { tasks } = await broker.consume.exchange({ finishes: [], ...fetch });
  expect(tasks.map(({ id }) => id)).toEqual(['a']);
  const { finished } = await broker.consume.exchange({
    finishes: tasks.map((task) => finish.succeeded(task)),
    ...fetch,
  });
  expect(finished).toEqual(['accepted']);
}

/** The error of a connection attempt that must fail. */
async function refusalOf(url: string, options?: ConnectOptions): Promise<unknown> {
  try {
    await (await connect(url, options)).close();
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to be refused');
}

// Concurrent, because a refusal takes the time that a call has.
describe.skipIf(!hasRedis() || !hasOpenssl())('over TLS (needs openssl)', { concurrent: true }, () => {
  let folder: TempFolder;
  let files: Certificates;
  let server: RedisServer;
  let url: string;

  beforeAll(async () => {
    folder = await tempFolder();
    files = makeCertificates(folder.path);
    const port = await freePort();
    server = await startRedis({ args: ['--tls-port', String(port), ...tlsArguments(files)] });
    url = `rediss://localhost:${port}`;
  });
  afterAll(async () => {
    await server?.stop();
    await folder?.remove();
  });

  test('a client with a certificate of the authority is accepted, with the files named in the URL', async () => {
    const { ca, cert, key } = files;
    await runOneTask(`${url}?${String(new URLSearchParams({ ca, cert, key }))}`);
  });

  test('a client with a certificate of the authority is accepted, with its text in the settings', async () => {
    await runOneTask(url, { redis: { tls: files.pem } });
    await runOneTask(url.replace('rediss', 'redis'), { redis: { tls: files.pem } });
  });

  test('the client refuses a server whose authority it does not trust', async () => {
    const { cert, key } = files.pem;
    expect(await refusalOf(url, { redis: { tls: { cert, key } } })).toMatchObject({
      code: 'broker-unavailable',
      message: expect.stringMatching(/self.signed certificate/),
    });
    await runOneTask(url, { redis: { tls: { cert, key, rejectUnauthorized: false } } });
  });

  test('the client refuses a certificate for another name, unless the settings ask for that name', async () => {
    const other = url.replace('localhost', '127.0.0.1');
    await runOneTask(other, { redis: { tls: { ...files.pem, servername: 'localhost' } } });
    const tls = { ...files.pem, servername: 'redis.example' };
    expect(await refusalOf(url, { redis: { tls } })).toMatchObject({
      message: expect.stringMatching(/altnames/),
    });
  });

  test('the server refuses a client without a certificate', async () => {
    expect(await refusalOf(url, { redis: { tls: { ca: files.pem.ca } } })).toMatchObject({
      code: 'broker-unavailable',
    });
  });
});

describe.skipIf(!hasRedis())('over a Unix socket', () => {
  test('a broker works as over TCP', async () => {
    const folder = await tempFolder();
    const server = await startRedis({
      args: ['--unixsocket', folder.file('redis.sock'), '--requirepass', 'pass'],
    });
    onTestFinished(async () => {
      await server.stop();
      await folder.remove();
    });
    const name = await runOneTask(`redis-socket://:pass@${folder.file('redis.sock')}?db=3`);
    expect(name).toBe(`redis-socket://${folder.file('redis.sock')}?db=3`);
  });
});

describe.skipIf(!hasRedis())('with a login', () => {
  test('a user of the ACL is accepted, in the URL or in the settings; a wrong password is refused', async () => {
    const server = await startRedis({ args: ['--user', 'app', 'on', '>p@ss', '~*', '&*', '+@all'] });
    onTestFinished(() => server.stop());
    await runOneTask(server.url.replace('//', '//app:p%40ss@'));
    await runOneTask(server.url, { redis: { username: 'app', password: 'p@ss' } });
    expect(await refusalOf(server.url, { redis: { username: 'app', password: 'no' } })).toMatchObject({
      code: 'broker-refused',
    });
  });
});
