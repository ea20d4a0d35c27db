import { once } from 'node:events';
import { connect, createServer, Socket, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createFakeClock, type FakeClock } from '../../test/support/fake-clock.ts';
import { systemClock } from './clock.ts';
import { dial } from './dial.ts';

/** The address of a host from which nothing comes back. */
const SILENT = '192.0.2.1';

let server: Server;
let port: number;
let clock: FakeClock;
let calling: AbortController;

beforeEach(async () => {
  clock = createFakeClock();
  calling = new AbortController();
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => {
  calling.abort();
  server.close();
});

const open = (host: string): Socket => (host === SILENT ? new Socket() : connect({ host, port }));

function to(...addresses: string[]): Promise<Socket> {
  const resolve = () => Promise.resolve(addresses);
  return dial({ host: 'name', port, clock, signal: calling.signal, resolve, open });
}

/** Ends the connection after the test. */
async function peerOf(connecting: Promise<Socket>): Promise<string | undefined> {
  const socket = await connecting;
  const { remoteAddress } = socket;
  socket.destroy();
  return remoteAddress;
}

it('connects to an IP address without a look-up', async () => {
  const resolve = () => Promise.reject(new Error('looked up'));
  const options = { host: '127.0.0.1', port, clock: systemClock, signal: calling.signal, resolve };
  expect(await peerOf(dial(options))).toBe('127.0.0.1');
});

it('tries the next address at once when one has failed', async () => {
  // Only 127.0.0.1 listens.
  expect(await peerOf(to('127.0.0.2', '127.0.0.1'))).toBe('127.0.0.1');
});

it('tries the next address as well when one is silent for 250 ms', async () => {
  const connecting = peerOf(to(SILENT, '127.0.0.1'));
  await clock.waitForSleepers();
  await clock.advance(249);
  expect(clock.sleeping).toBe(1);
  await clock.advance(1);
  expect(await connecting).toBe('127.0.0.1');
});

it('waits for every address until the caller gives up, however slow the line is', async () => {
  const connecting = to(SILENT, SILENT);
  let hasEnded = false;
  connecting.catch(() => {}).finally(() => (hasEnded = true));
  await clock.waitForSleepers();
  await clock.advance(3_600_000);
  expect(hasEnded).toBe(false);
  calling.abort(new Error('time is up'));
  await expect(connecting).rejects.toThrow('time is up');
});

it('rejects with the error of the first address when none can be reached', async () => {
  await expect(to('127.0.0.2', '127.0.0.3')).rejects.toThrow(/ECONNREFUSED 127\.0\.0\.2/);
});
