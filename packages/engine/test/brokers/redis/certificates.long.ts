import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connect } from '../../../src/connect.ts';
import { Events } from '../../../src/runtime/events.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { hasOpenssl, makeCertificates, tlsArguments, type Certificates } from '../../support/certificates.ts';
import { aTask } from '../../support/factories.ts';
import { nextEvent } from '../../support/next-event.ts';
import { rawRedis, type RawRedis } from '../../support/raw-redis.ts';
import { freePort, hasRedis, startRedis } from '../../support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../support/temp.ts';

const NAMES = ['ca', 'cert', 'key'] as const;

describe.skipIf(!hasRedis() || !hasOpenssl())('PEM files of a URL (needs openssl)', () => {
  let made: TempFolder;
  let first: Certificates;
  let second: Certificates;
  let folder: TempFolder;
  let raw: RawRedis;
  let url: string;

  /** Where the client's files are. */
  const own = (name: string) => folder.file(`own-${name}`);
  const putIntoPlace = (files: Certificates, ...names: readonly (typeof NAMES)[number][]) =>
    names.forEach((name) => copyFileSync(files[name], own(name)));
  const cut = () => raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');

  beforeAll(async () => {
    made = await tempFolder();
    [first, second] = ['first', 'second'].map((name) => {
      mkdirSync(made.file(name));
      return makeCertificates(made.file(name));
    }) as [Certificates, Certificates];
  });
  afterAll(() => made?.remove());

  beforeEach(async () => {
    folder = await tempFolder();
    putIntoPlace(first, ...NAMES);
    const port = await freePort();
    const server = await startRedis({ args: ['--tls-port', String(port), ...tlsArguments(first)] });
    raw = await rawRedis(server.port);
    const query = new URLSearchParams(NAMES.map((name): [string, string] => [name, own(name)]));
    url = `rediss://localhost:${port}?${query.toString()}`;
    onTestFinished(async () => {
      raw.close();
      await server.stop();
      await folder.remove();
    });
  });

  async function open(events = new Events()): Promise<Broker> {
    const broker = await connect(url, { runtime: { events } });
    onTestFinished(() => broker.close());
    return broker;
  }

  /** The server gets a certificate of another authority, and asks its clients for one. */
  async function rotateServer(): Promise<void> {
    const { ca, cert, key } = second;
    await raw.call('CONFIG', 'SET', 'tls-ca-cert-file', ca, 'tls-cert-file', cert, 'tls-key-file', key);
  }

  test('are read again for each connection, also by the thread that renews leases', async () => {
    const events = new Events();
    const broker = await open(events);
    const started = nextEvent(events, 'attempt.started');
    const end = new AbortController();
    const worker = new Worker(broker, { runtime: { events } }).handle('long', () =>
      once(end.signal, 'abort'),
    );
    await worker.start();
    onTestFinished(() => {
      end.abort();
      return worker.stop();
    });
    await broker.submit.enqueue([aTask({ queue: 'default', type: 'long' })]);
    await started;
    await nextEvent(events, 'leases.renewed');
    await rotateServer();
    putIntoPlace(second, ...NAMES);
    await cut();
    const renewed = nextEvent(events, 'leases.renewed');
    await broker.submit.enqueue([aTask({ queue: 'default', id: 'after' })]);
    expect(await renewed).toMatchObject({ leases: 1, lost: 0 });
  });

  test.each([
    ['is missing', () => rmSync(own('ca'))],
    ['is cut off', () => writeFileSync(own('ca'), readFileSync(own('ca')).subarray(0, 500))],
    ['is empty', () => writeFileSync(own('cert'), '')],
    ['does not belong to the key yet', () => putIntoPlace(second, 'cert')],
  ])('keep their last good content while one %s; it is told, and ends', async (_, damage) => {
    const before = Object.fromEntries(NAMES.map((name) => [name, readFileSync(own(name))]));
    const events = new Events();
    const broker = await open(events);
    const told = nextEvent(events, 'broker.finding', ({ code }) => code === 'certificate');
    damage();
    await cut();
    await broker.submit.enqueue([aTask()]);
    expect((await told).detail).toContain(folder.path);
    const ended = nextEvent(
      events,
      'broker.finding',
      ({ code, hasEnded }) => code === 'certificate' && hasEnded,
    );
    for (const name of NAMES) writeFileSync(own(name), before[name]!);
    await ended;
  });

  test('are named by the error of a connection that they do not fit', async () => {
    const broker = await open();
    await rotateServer();
    await cut();
    await expect(broker.ping()).rejects.toThrow(
      `(ca: ${own('ca')}, cert: ${own('cert')}, key: ${own('key')})`,
    );
  });

  test('must be whole at the start', async () => {
    writeFileSync(own('ca'), readFileSync(own('ca')).subarray(0, 500));
    await expect(open()).rejects.toMatchObject({
      code: 'invalid-value',
      message: expect.stringMatching(/own-ca": cannot be used/),
    });
  });
});
