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

/** A request after which the service closes the connection. */
const request = (first: string, headers: string, body = '') =>
  `${first}\r\n${headers}connection: close\r\n\r\n${body}`;
const get = (path: string, headers = 'host: x\r\n') => request(`GET ${path} HTTP/1.1`, headers + auth);
const post = (path: string, headers: string, body = '') =>
  request(`POST ${path} HTTP/1.1`, `host: x\r\n${auth}${headers}`, body);
const JSON_HEADER = 'content-type: application/json\r\n';
const PAUSE = '/v1/queues/default/pause';

const statusesOf = (text: string) =>
  Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status));

/** The one problem of an answer. */
function problemOf(text: string): { status: number; code: string; request_id: string } {
  expect(statusesOf(text)).toHaveLength(1);
  return JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as ReturnType<typeof problemOf>;
}

function expectUsualHeaders(text: string): void {
  const [head = ''] = text.split('\r\n\r\n');
  expect(head).toMatch(/^x-request-id: [0-9a-f-]{36}$/m);
  expect(head).toMatch(/^task-center-version: 0\.0\.0-test$/m);
  expect(head).toMatch(/^cache-control: no-store$/m);
  expect(head).toMatch(/^x-content-type-options: nosniff$/m);
}

describe('malformed is', () => {
  test.each([
    ['without a Host', () => get('/healthz', '')],
    ['with two Hosts', () => get('/healthz', 'host: x\r\nHost: x\r\n')],
    ['of HTTP/1.0 with two Hosts', () => 'GET /healthz HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n'],
    ['with an invalid Host', () => get('/healthz', 'host: a b/\r\n')],
    ['with a broken percent sign in the path', () => get('/v1/queues/%')],
    ['with bytes in the path that are not UTF-8', () => get('/v1/queues/%ff')],
    ['with a broken percent sign in the query', () => get('/v1/tasks?queue=%zz&state=pending')],
    ['for the whole server', () => request('OPTIONS * HTTP/1.1', 'host: x\r\n')],
    ['for a tunnel', () => 'CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['of HTTP/2 without an agreement', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['of HTTP/2.0 in the form of 1.1', () => 'GET /healthz HTTP/2.0\r\nhost: x\r\n\r\n'],
    ['of HTTP/0.9', () => 'GET /healthz HTTP/0.9\r\n\r\n'],
    ['that is no HTTP', () => 'nonsense\r\n\r\n'],
    ['with a body that is compressed on the way', () => post(PAUSE, 'transfer-encoding: gzip, chunked\r\n')],
    [
      'of HTTP/1.0 with chunks',
      () => `POST ${PAUSE} HTTP/1.0\r\n${auth}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['without the body that its operation needs', () => post('/v1/tasks', JSON_HEADER)],
  ])('a request %s, with the usual headers', async (_, text) => {
    const answer = await sendRaw(port, text());
    const { status, code, request_id: id } = problemOf(answer);
    expect({ status, code }).toEqual({ status: 400, code: 'malformed' });
    expectUsualHeaders(answer);
    expect(answer).toContain(`x-request-id: ${id}`);
    expect(answer).toContain('content-type: application/problem+json');
  });
});

test('a request ID is kept in a refusal that the application does not see', async () => {
  expect(await sendRaw(port, get('/healthz', 'x-request-id: mine-1\r\n'))).toContain('x-request-id: mine-1');
});

test('headers over the limit are too-large, and a client that goes on sending reads that', async () => {
  const { send, closed, saw, socket } = await connectRaw(port);
  await send('GET / HTTP/1.1\r\nhost: x\r\nx: ');
  for (let i = 0; i < 17; i += 1) await send('y'.repeat(1_024));
  await saw(/HTTP\/1\.1 413/);
  for (let i = 0; i < 17; i += 1) await send('y'.repeat(1_024));
  expect(problemOf(await closed)).toMatchObject({ code: 'too-large', limit: 16_384 });
  expectUsualHeaders(await closed);
  socket.destroy();
});

test('chunk extensions over the limit are too-large', async () => {
  const size = `2;a=${'b'.repeat(20_000)}`;
  const body = `transfer-encoding: chunked\r\n${JSON_HEADER}\r\n${size}\r\n{}\r\n0\r\n\r\n`;
  const text = await sendRaw(port, `POST ${PAUSE} HTTP/1.1\r\nhost: x\r\n${auth}${body}`);
  expect(problemOf(text)).toMatchObject({ status: 413, code: 'too-large' });
});

/** A message in which a careless reader would find a second request. Each is refused, and nothing of it is carried out. */
describe('smuggling', () => {
  const hidden = () => {
    const body = '{"id":"smuggled","type":"t","delay":"1h"}';
    return `POST /v1/tasks HTTP/1.1\r\nhost: x\r\n${auth}${JSON_HEADER}content-length: ${body.length}\r\n\r\n${body}`;
  };
  const chunked = (sizes: string) => `transfer-encoding: chunked\r\n${JSON_HEADER}\r\n${sizes}`;
  test.each([
    ['two lengths', () => 'content-length: 0\r\ncontent-length: 9\r\n\r\n'],
    ['the same length twice', () => 'content-length: 2\r\ncontent-length: 2\r\n\r\n{}'],
    ['a list of lengths', () => 'content-length: 0, 0\r\n\r\n'],
    ['a length with a sign', () => 'content-length: +0\r\n\r\n'],
    ['a hexadecimal length', () => 'content-length: 0x0\r\n\r\n'],
    ['a length beyond all numbers', () => `content-length: ${'9'.repeat(30)}\r\n\r\n`],
    ['a length and chunks', () => 'content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['chunks twice', () => 'transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['almost chunks', () => 'transfer-encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['chunks that are not last', () => 'transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
    ['a coding in a folded line', () => 'transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', () => 'a: b\r\n c: d\r\ncontent-length: 0\r\n\r\n'],
    ['a blank before the colon', () => 'transfer-encoding : chunked\r\ncontent-length: 0\r\n\r\n'],
    ['lines that end in LF alone', () => 'a: b\ncontent-length: 0\n\n'],
    ['a lone CR', () => 'a: b\rcontent-length: 0\r\n\r\n'],
    ['a NUL', () => 'a: b\0c\r\ncontent-length: 0\r\n\r\n'],
    ['a size of a chunk with a prefix', () => chunked('0x0\r\n\r\n')],
    ['chunks that end in LF alone', () => chunked('0\n\n')],
    ['a chunk longer than its size', () => chunked('1\r\n{}\r\n0\r\n\r\n')],
    ['a length in the trailer', () => chunked('2\r\n{}\r\n0\r\ncontent-length: 5\r\n\r\n')],
  ])('by %s gets one answer, and the rest is no request', async (_, rest) => {
    const text = `POST ${PAUSE} HTTP/1.1\r\nhost: x\r\n${auth}${rest()}${hidden()}`;
    expect(problemOf(await sendRaw(port, text))).toMatchObject({ status: 400, code: 'malformed' });
    expect((await app.call('GET', '/v1/tasks/smuggled')).status).toBe(404);
  });
});

describe('a request', () => {
  test.each([
    ['of HTTP/1.0 needs no Host', () => 'GET /healthz HTTP/1.0\r\n\r\n'],
    ['may expect what nobody knows', () => get('/healthz', 'host: x\r\nexpect: foo\r\n')],
    ['may name the whole URL', () => get('http://x/healthz')],
    ['may have its key behind 2,100 headers', () => get('/v1/me', `host: x\r\n${'a:\r\n'.repeat(2_100)}`)],
    ['may ask for another protocol in vain', () => get('/healthz', 'host: x\r\nupgrade: websocket\r\n')],
    ['may go without a body', () => post(PAUSE, '')],
    ['may go without a body, and name a type', () => post(PAUSE, JSON_HEADER)],
    [
      'may have a body of no bytes, of any type',
      () => post(PAUSE, 'content-type: a/b\r\ncontent-length: 0\r\n'),
    ],
    ['may have no chunks', () => post(PAUSE, `${JSON_HEADER}transfer-encoding: chunked\r\n`, '0\r\n\r\n')],
    ['may have no chunks and no type', () => post(PAUSE, 'transfer-encoding: chunked\r\n', '0\r\n\r\n')],
  ])('%s', async (_, text) => {
    const answer = await sendRaw(port, text());
    expect(statusesOf(answer)).toEqual([200]);
    expectUsualHeaders(answer);
  });

  test('is answered although its client has ended its own side', async () => {
    const { send, end, closed } = await connectRaw(port);
    await send(`GET /v1/queues HTTP/1.1\r\nhost: x\r\n${auth}\r\n`);
    end();
    expect(await closed).toMatch(/^HTTP\/1\.1 200 [^]*"name":"default"/);
  });

  test('that is followed by nonsense is answered first', async () => {
    const body = '{"id":"before-nonsense","type":"t","delay":"1h"}';
    const first = `POST /v1/tasks HTTP/1.1\r\nhost: x\r\n${auth}${JSON_HEADER}content-length: ${body.length}\r\n\r\n${body}`;
    expect(statusesOf(await sendRaw(port, `${first}nonsense\r\n\r\n`))).toEqual([201, 400]);
  });

  test('that is followed by a part of another is answered at once', async () => {
    const { send, saw, socket } = await connectRaw(port);
    await send(`GET /v1/me HTTP/1.1\r\nhost: x\r\n${auth}\r\nGET /healthz HTTP/1.1\r\nho`);
    await saw(/^HTTP\/1\.1 200 [^]*"role":"admin"/);
    await send(`st: x\r\n\r\n`);
    await saw(/HTTP\/1\.1 200 [^]*HTTP\/1\.1 200 [^]*"status":"ok"/);
    socket.destroy();
  });

  test('that comes with others gets its answer in their order', async () => {
    const text = ['/v1/me', '/healthz', '/nowhere', '/version'].map(
      (path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n${auth}\r\n`,
    );
    const answer = await sendRaw(port, `${text.join('')}${get('/healthz')}`);
    expect(statusesOf(answer)).toEqual([200, 200, 404, 200, 200]);
  });
});

describe('a browser', () => {
  const origin = 'origin: http://evil.test\r\n';
  test('is given no right to call the API from another page', async () => {
    const preflight = await sendRaw(
      port,
      request(
        'OPTIONS /v1/tasks HTTP/1.1',
        `host: x\r\n${origin}access-control-request-method: POST\r\naccess-control-request-headers: authorization\r\n`,
      ),
    );
    expect(statusesOf(preflight)).toEqual([204]);
    expect(preflight).not.toMatch(/access-control/i);
    expect(await sendRaw(port, get('/v1/me', `host: x\r\n${origin}`))).not.toMatch(/access-control/i);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=a'])(
    'cannot submit by a form of another page as %s',
    async (type) => {
      const body = '{"type":"t"}';
      const headers = `${origin}content-type: ${type}\r\ncontent-length: ${body.length}\r\n`;
      expect(problemOf(await sendRaw(port, post('/v1/tasks', headers, body)))).toMatchObject({ status: 415 });
    },
  );

  test('runs no script at /', async () => {
    for (const host of ['127.0.0.1', 'evil.test']) {
      const page = await sendRaw(port, request('GET / HTTP/1.1', `host: ${host}\r\n`));
      expect(page).toMatch(/content-security-policy: default-src 'none'; style-src 'sha256-[^']+'; /);
      expect(page).toMatch(/x-frame-options: DENY/);
      expect(page).not.toMatch(/<script|javascript:| on\w+=/i);
    }
  });
});
