import { expect, test } from 'vitest';
import { parseRedisUrl } from './url.ts';

test('a URL has its parts, and a name without the password', () => {
  expect(parseRedisUrl('rediss://us%40er:s%3Acret@[::1]:6380/3')).toEqual({
    name: 'rediss://us%40er@[::1]:6380/3',
    host: '::1',
    port: 6380,
    tls: true,
    username: 'us@er',
    password: 's:cret',
    database: 3,
  });
});

test.each(['redis://localhost', 'redis://localhost/', 'redis://localhost:6379/0'])(
  '%s has the defaults',
  (url) => {
    expect(parseRedisUrl(url)).toMatchObject({
      name: 'redis://localhost:6379',
      host: 'localhost',
      port: 6379,
      tls: false,
      username: null,
      password: null,
      database: 0,
    });
  },
);

test.each([
  'redis',
  'http://localhost',
  'redis://',
  'redis://:secret@',
  'redis://:secret@host:99999',
  'redis://:secret@host:0',
  'redis://:secret@host:12x',
  'redis://:secret@host/db',
  'redis://:secret@host/1/2',
  'redis://:secret@host/-1',
  'redis://:secret@host?db=1',
  'redis://:secret@host#1',
  'redis://:%zzsecret@host',
  'redis://:sec/ret@host',
  'redis://:sec?ret@host',
])('%s is refused, and its password is not told', (url) => {
  expect(() => parseRedisUrl(url)).toThrow(expect.objectContaining({ code: 'invalid-value' }));
  expect(() => parseRedisUrl(url)).not.toThrow(/secret|ret@/);
});
