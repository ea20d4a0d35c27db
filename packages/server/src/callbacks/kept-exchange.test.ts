import { expect, test } from 'vitest';
import type { Delivered } from './deliver.ts';
import { exchangeRecord } from './kept-exchange.ts';
import type { CallbackRequest } from './request.ts';

const aRequest = (headers: Record<string, string> = {}): CallbackRequest => ({
  url: 'https://a.test/hook',
  method: 'POST',
  headers,
  body: null,
});
const delivered = (bytes: Uint8Array, headers: Record<string, string> = {}): Delivered => ({
  answer: { status: 503, headers, bytes, size: bytes.length, cut: null, firstByteMs: 31 },
  fault: null,
  remoteAddress: '192.0.2.7',
  connectMs: 3,
  resent: null,
});
const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

test('request and response are kept with the field names of the API', () => {
  expect(
    exchangeRecord(aRequest({ 'webhook-id': 'dlv_1' }), delivered(Buffer.from('busy'), { server: 'x' })),
  ).toEqual({
    request: { method: 'POST', url: 'https://a.test/hook', headers: { 'webhook-id': 'dlv_1' } },
    response: {
      status: 503,
      headers: { server: 'x' },
      body: 'busy',
      truncated: false,
      remote_address: '192.0.2.7',
      connect_ms: 3,
      first_byte_ms: 31,
    },
  });
});

test('secrets are hidden on both sides', () => {
  const record = exchangeRecord(
    aRequest({ authorization: 'Bearer x', 'x-api-key': 'k', 'x-plain': 'p' }),
    delivered(Buffer.from(''), { 'set-cookie': 'sid=1', 'x-csrf-token': 't' }),
  );
  expect(record.request.headers).toEqual({ authorization: '***', 'x-api-key': '***', 'x-plain': 'p' });
  expect(record.response?.headers).toEqual({ 'set-cookie': '***', 'x-csrf-token': '***' });
});

test('without an answer there is no response', () => {
  const none: Delivered = { answer: null, fault: null, remoteAddress: null, connectMs: null, resent: null };
  expect(exchangeRecord(aRequest(), none).response).toBeNull();
});

test('8 KiB of a long body are kept and marked as truncated', () => {
  const { response } = exchangeRecord(aRequest(), delivered(Buffer.alloc(9_000, 'x')));
  expect(response?.body).toHaveLength(8_192);
  expect(response?.truncated).toBe(true);
});

test('a character that the limit splits is left out', () => {
  const { response } = exchangeRecord(aRequest(), delivered(Buffer.from('x'.repeat(8_191) + 'é')));
  expect(response?.body).toBe('x'.repeat(8_191));
  expect(response?.truncated).toBe(true);
});

test.each([
  ['gzip', Buffer.from('1f8b08000000000000034bcc28010000ffff', 'hex')],
  ['GBK', Buffer.from('b6a9b5a5', 'hex')],
  ['UTF-16', Buffer.from('\ufeffok', 'utf16le')],
])('a body in %s is kept in base64, byte for byte', (_, bytes) => {
  const { response } = exchangeRecord(aRequest(), delivered(bytes));
  expect(response).toMatchObject({ body_base64: bytes.toString('base64'), truncated: false });
  expect(response).not.toHaveProperty('body');
});

test('a character that the receiver cut off does not make a text binary', () => {
  const answered = delivered(Buffer.from('€').subarray(0, 2));
  const cut = { ...answered, answer: { ...answered.answer!, cut: 'the body was cut' } };
  expect(exchangeRecord(aRequest(), cut).response).toMatchObject({ body: '', truncated: true });
  expect(exchangeRecord(aRequest(), answered).response).toMatchObject({ body_base64: '4oI=' });
});

test('a part of a long binary body is marked as truncated', () => {
  const { response } = exchangeRecord(aRequest(), delivered(Buffer.alloc(9_000, 0xff)));
  expect(Buffer.from(response?.body_base64 ?? '', 'base64')).toEqual(Buffer.alloc(8_192, 0xff));
  expect(response?.truncated).toBe(true);
});

test('headers that do not fit are left out, and the record says so', () => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`x-${i}`, 'y'.repeat(40)]));
  const { request, response } = exchangeRecord(aRequest(many), delivered(Buffer.from(''), many));
  expect(request).toMatchObject({ headers_truncated: true });
  expect(response).toMatchObject({ headers_truncated: true });
  expect(Object.keys(response?.headers ?? {}).length).toBeLessThan(100);
  expect(exchangeRecord(aRequest(), delivered(Buffer.from(''))).response).not.toHaveProperty(
    'headers_truncated',
  );
});

test('at most 16 KiB are kept, whatever the receiver answers', () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, '"'.repeat(80)]));
  const long = { ...aRequest(many), url: `https://a.test/${'x'.repeat(2_033)}` };
  const record = exchangeRecord(long, delivered(Buffer.alloc(8_192), many));
  expect(sizeOf(record)).toBeLessThanOrEqual(16_384);
  expect(record.response?.truncated).toBe(true);
  expect(record.response?.body).toMatch(/^\0+$/);
});
