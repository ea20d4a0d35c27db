import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connect, type ConnectOptions } from '../../../src/connect.ts';
import { hasOpenssl, makeCertificates, tlsArguments, type Certificates } from '../../support/certificates.ts';
import { aTask, finish } from '../../support/factories.ts';
import { freePort, hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../support/temp.ts';

async function open(url: string, options?: ConnectOptions): Promise<Broker> {
  const broker = await connect(url, options);
  onTestFinished(() => broker.close());
  return broker;
}

/** A task comes, wakes its worker, runs and goes: over every connection that a broker opens. */
async function livesOneTask(broker: Broker): Promise<void> {
  const woken = broker.signals.work(['q'], AbortSignal.timeout(10_000));
  await broker.submit.enqueue([aTask({ queue: 'q', id: 'a' })]);
  await woken;
  const asked = { queues: ['q'], room: 1, leaseMs: 5_000, worker: 'w' };
  const { tasks } = await broker.consume.exchange({ finishes: [], ...asked });
  expect(tasks.map(({ id }) => id)).toEqual(['a']);
  const { finished } = await broker.consume.exchange({
    finishes: tasks.map((task) => finish.succeeded(task)),
    ...asked,
  });
  expect(finished).toEqual(['accepted']);
}

async function refusal(url: string, options?: ConnectOptions): Promise<unknown> {
  try {
    await (await connect(url, options)).close();
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to be refused');
}

describe.skipIf(!hasRedis() || !hasOpenssl())('over TLS (needs openssl)', () => {
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

  test('a client with a certificate that the authority signed is let in, files named in the URL', async () => {
    const { ca, cert, key } = files;
    await livesOneTask(await open(`${url}?${String(new URLSearchParams({ ca, cert, key }))}`));
  });

  test('the same by settings, with texts instead of files', async () => {
    await livesOneTask(await open(url, { redis: { tls: files.pem } }));
    await livesOneTask(await open(url.replace('rediss', 'redis'), { redis: { tls: files.pem } }));
  });

  test('an authority that nobody knows is refused by us', async () => {
    const { cert, key } = files.pem;
    expect(await refusal(url, { redis: { tls: { cert, key } } })).toMatchObject({
      code: 'broker-unavailable',
      message: expect.stringMatching(/self.signed certificate/),
    });
    await livesOneTask(await open(url, { redis: { tls: { cert, key, rejectUnauthorized: false } } }));
  });

  test('a certificate for another name is refused, unless that name is asked for', async () => {
    const other = url.replace('localhost', '127.0.0.1');
    await livesOneTask(await open(other, { redis: { tls: { ...files.pem, servername: 'localhost' } } }));
    const tls = { ...files.pem, servername: 'redis.example' };
    expect(await refusal(url, { redis: { tls } })).toMatchObject({
      message: expect.stringMatching(/altnames/),
    });
  });

  test('a client without a certificate is refused by the server', async () => {
    expect(await refusal(url, { redis: { tls: { ca: files.pem.ca } } })).toMatchObject({
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
    const broker = await open(`redis-socket://:pass@${folder.file('redis.sock')}?db=3`);
    expect(broker.name).toBe(`redis-socket://${folder.file('redis.sock')}?db=3`);
    await livesOneTask(broker);
  });
});

describe.skipIf(!hasRedis())('with a login', () => {
  test('a user of the ACL, in the URL or by settings; a wrong one is refused', async () => {
    const server = await startRedis({ args: ['--user', 'app', 'on', '>p@ss', '~*', '&*', '+@all'] });
    onTestFinished(() => server.stop());
    await livesOneTask(await open(server.url.replace('//', '//app:p%40ss@')));
    await livesOneTask(await open(server.url, { redis: { username: 'app', password: 'p@ss' } }));
    expect(await refusal(server.url, { redis: { username: 'app', password: 'no' } })).toMatchObject({
      code: 'broker-refused',
    });
  });
});
