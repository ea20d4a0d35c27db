import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { freePort, hasRedis, startRedis } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { endAll, startCli } from './support/cli.ts';

/** Texts that must be in no log. Each is given to the service in a place of its own. */
const PLACES = (
  'broker-password unknown-variable wrong-key basic-login cookie query unknown-path idempotency-key request-id user-agent ' +
  'tracestate payload payload-text payload-base64 batch-payload default-payload header-authorization header-api-key ' +
  'header-cookie header-note default-header url-login url-query url-fragment refused-query closed-query unresolved-query ' +
  'answer-body failure-body answer-cookie answer-token location malformed unknown-field cancel-reason pause-reason'
).split(' ');
const canary = (place: string) => `canary-${place}-4f7a`;

let folder: TempFolder;
let receiver: Server;
/** Where callbacks go: `/ok` is answered with 200, `/moved` with a redirect, everything else with 500. */
let receiverUrl: string;

beforeEach(async () => {
  folder = await tempFolder();
  receiver = createServer((request, response) => {
    const isGood = request.url?.startsWith('/ok') ?? false;
    const headers = {
      'set-cookie': canary('answer-cookie'),
      'x-token': canary('answer-token'),
      location: `/${canary('location')}`,
    };
    request.resume();
    response.writeHead(request.url?.startsWith('/moved') ? 301 : isGood ? 200 : 500, headers);
    response.end(canary(isGood ? 'answer-body' : 'failure-body'));
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await endAll();
  receiver.closeAllConnections();
  receiver.close();
  await folder.remove();
});

const BROKERS = [
  { name: 'SQLite', available: true, start: async () => ({ url: '', stop: async () => {} }) },
  {
    name: 'Redis',
    available: hasRedis(),
    async start() {
      const password = canary('broker-password');
      const server = await startRedis({ args: ['--user', 'tc', 'on', `>${password}`, '~*', '&*', '+@all'] });
      return { url: server.url.replace('//', `//tc:${password}@`), stop: () => server.stop() };
    },
  },
];

type Send = (path: string, init?: RequestInit & { json?: unknown }) => Promise<Response>;

/** Gives the service a canary in every place of a request. */
async function sendRequests(send: Send): Promise<void> {
  const other = (authorization: string) => send('/v1/me', { headers: { authorization } });
  await other(`Bearer ${canary('wrong-key')}`);
  await other(`Basic ${canary('basic-login')}`);
  await send(`/v1/me?token=${canary('query')}`, { headers: { cookie: canary('cookie') } });
  await send(`/${canary('unknown-path')}`, { headers: { 'user-agent': canary('user-agent') } });
  const headers = {
    'idempotency-key': canary('idempotency-key'),
    'x-request-id': `${canary('request-id')} is not valid`,
  };
  await send('/v1/tasks', { json: { type: 't' }, headers });
  const malformed = { 'content-type': 'application/json' };
  await send('/v1/tasks', { method: 'POST', body: `{"type":"${canary('malformed')}`, headers: malformed });
  await send('/v1/tasks', { json: { type: 't', nonsense: canary('unknown-field') } });
  await send('/v1/tasks', { json: { callback: { url: `https://user:${canary('url-login')}@a.test/` } } });
  await send('/v1/tasks', { json: { callback: { url: `ftp://a.test/?${canary('refused-query')}` } } });
  await send('/v1/queues/low/pause', { json: { reason: canary('pause-reason') } });
  await send('/v1/tasks', { json: { id: 'waits', type: 't', delay: '1h' } });
  await send('/v1/tasks/waits/cancel', { json: { mode: 'soft', reason: canary('cancel-reason') } });
}

/** Submits callbacks that succeed and that fail in each way, with a canary in all that they carry. */
async function sendCallbacks(send: Send): Promise<void> {
  const closedUrl = `http://127.0.0.1:${await freePort()}`;
  const headers = {
    authorization: canary('header-authorization'),
    'x-api-key': canary('header-api-key'),
    cookie: canary('header-cookie'),
    'x-note': canary('header-note'),
  };
  const retry = { max_retries: 0 };
  const urls = [
    `${receiverUrl}/ok?token=${canary('url-query')}#${canary('url-fragment')}`,
    `${receiverUrl}/bad`,
    `${receiverUrl}/moved`,
    `${closedUrl}/?token=${canary('closed-query')}`,
    `http://nowhere.invalid/?token=${canary('unresolved-query')}`,
  ];
  const payloads = [
    { payload: { secret: canary('payload') } },
    { payload_text: canary('payload-text') },
    { payload_base64: Buffer.from(canary('payload-base64')).toString('base64') },
  ];
  for (const [i, url] of urls.entries()) {
    const json = { id: `cb-${i}`, retry, callback: { url, headers }, ...payloads[i % payloads.length] };
    const trace = {
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      tracestate: `v=${canary('tracestate')}`,
    };
    expect((await send('/v1/tasks', { json, headers: trace })).status).toBe(201);
  }
  const defaults = {
    payload: canary('default-payload'),
    retry,
    callback: { url: `${receiverUrl}/bad`, headers: { 'x-token': canary('default-header') } },
  };
  const tasks = [{ id: 'cb-5' }, { id: 'cb-6', payload: canary('batch-payload') }];
  expect((await send('/v1/batches', { json: { defaults, tasks } })).status).toBe(200);
  for (let i = 0; i <= 6; i += 1)
    await vi.waitFor(
      async () => {
        const { state } = (await (await send(`/v1/tasks/cb-${i}`)).json()) as { state: string };
        expect(['completed', 'archived']).toContain(state);
      },
      { timeout: 20_000 },
    );
}

describe.for(BROKERS)('on $name', ({ available, start }) => {
  test.skipIf(!available)(`none of ${PLACES.length} secrets, nor the key, is in the log`, async () => {
    const broker = await start();
    try {
      const service = startCli(['serve', '--port', '0', '--log-level', 'debug'], {
        cwd: folder.path,
        env: {
          ...(broker.url !== '' && { TASKCENTER_BROKER: broker.url }),
          TASKCENTER_SECRET: canary('unknown-variable'),
        },
      });
      await service.saw(/Task Center runs on \S+/);
      const url = /runs on (\S+)/.exec(service.written.err)?.[1] ?? '';
      const key = readFileSync(folder.file('data/admin.key'), 'utf8').trim();
      const send: Send = (path, { json, headers, ...init } = {}) =>
        fetch(url + path, {
          ...(json !== undefined && { method: 'POST', body: JSON.stringify(json) }),
          ...init,
          headers: {
            authorization: `Bearer ${key}`,
            ...(json !== undefined && { 'content-type': 'application/json' }),
            ...(headers as Record<string, string>),
          },
        });
      await sendRequests(send);
      await sendCallbacks(send);
      service.signal('SIGTERM');
      const { code, out, err } = await service.ended;
      expect(code).toBe(0);
      // Otherwise it would be no log at level debug, or one of nothing that was sent.
      expect(out).toMatch(/"level":"debug"/);
      expect(out.match(/a callback attempt failed/g)?.length).toBeGreaterThanOrEqual(6);
      const log = out + err;
      expect(PLACES.filter((place) => log.includes(canary(place)))).toEqual([]);
      expect(log).not.toContain(Buffer.from(canary('payload-base64')).toString('base64'));
      expect(log).not.toContain(key.slice(-30));
    } finally {
      await broker.stop();
    }
  });
});

test('each place has its canary', () => {
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const used = [...source.matchAll(/canary\((?:[^')]*\? )?'([a-z0-9-]+)'(?: : '([a-z0-9-]+)')?\)/g)].flatMap(
    ([, first, second]) => [first, second].filter((place) => place !== undefined),
  );
  expect([...new Set(used)].sort()).toEqual([...PLACES].sort());
});
