import { expect, test } from 'vitest';
import { parseRedisUrl } from './url.ts';

const NO_LOGIN = { username: null, password: null };

test('a URL is split into its parts, and its name has no password', () => {
  expect(parseRedisUrl('rediss://us%40er:s%3Acret@[::1]:6380/3')).toEqual({
    kind: 'single',
    name: 'rediss://us%40er@[::1]:6380/3',
    nodes: [{ host: '::1', port: 6380 }],
    master: '',
    tls: { settings: {}, paths: {}, good: {} },
    username: 'us@er',
    password: 's:cret',
    database: 3,
    sentinelLogin: NO_LOGIN,
  });
});

test.each(['redis://localhost', 'redis://localhost/', 'redis://localhost:6379/0'])(
  '%s gets the default port and database',
  (url) => {
    expect(parseRedisUrl(url)).toMatchObject({
      kind: 'single',
      name: 'redis://localhost:6379',
      nodes: [{ host: 'localhost', port: 6379 }],
      tls: null,
      username: null,
      password: null,
      database: 0,
    });
  },
);

test('a URL of Sentinels has, as in Asynq, their login in front; that of the servers is in the query', () => {
  const url = 'redis-sentinel://:of-sentinels@a,b:7,[::1]:8/2?master=my%20one&username=u&password=of-servers';
  expect(parseRedisUrl(url)).toEqual({
    kind: 'sentinel',
    name: 'redis-sentinel://a:26379,b:7,[::1]:8/2?master=my%20one',
    nodes: [
      { host: 'a', port: 26_379 },
      { host: 'b', port: 7 },
      { host: '::1', port: 8 },
    ],
    master: 'my one',
    tls: null,
    database: 2,
    username: 'u',
    password: 'of-servers',
    sentinelLogin: { username: null, password: 'of-sentinels' },
  });
});

test('a URL of a cluster names some of its nodes and one login for all', () => {
  expect(parseRedisUrl('rediss-cluster://u:p@a,b:7')).toMatchObject({
    kind: 'cluster',
    name: 'rediss-cluster://u@a:6379,b:7',
    nodes: [
      { host: 'a', port: 6_379 },
      { host: 'b', port: 7 },
    ],
    tls: { settings: {}, paths: {}, good: {} },
    username: 'u',
    password: 'p',
  });
});

test('a URL of a Unix socket has a path, and the database in the query', () => {
  expect(parseRedisUrl('redis-socket://:secret@/run/redis%20one.sock?db=4')).toMatchObject({
    kind: 'single',
    name: 'redis-socket:///run/redis one.sock?db=4',
    nodes: [{ path: '/run/redis one.sock' }],
    password: 'secret',
    database: 4,
  });
});

test('settings win over the URL', () => {
  const settings = { username: 'u', password: 'p', sentinelPassword: 's', tls: { servername: 'redis' } };
  expect(parseRedisUrl('redis-sentinel://:x@a?master=m&password=y', settings)).toMatchObject({
    username: 'u',
    password: 'p',
    sentinelLogin: { username: null, password: 's' },
    tls: { settings: { servername: 'redis' }, paths: {}, good: {} },
  });
});

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
  'redis://:secret@host?ca=x',
  'redis://:secret@host#1',
  'redis://:secret@a,b',
  'redis://:%zzsecret@host',
  'redis://:sec/ret@host',
  'redis://:sec?ret@host',
  'redis-sentinel://:secret@host',
  'redis-sentinel://:secret@host/name',
  'redis-sentinel://:secret@host,?master=m',
  'redis-sentinel://host?master=m&password=secret&x=1',
  'redis-cluster://:secret@host/1',
  'redis-cluster://:secret@host?master=m',
  'redis-socket://:secret@host/run/redis.sock',
  'redis-socket://:secret@/',
  'rediss://:secret@host?ca=/nowhere/ca.pem',
])('%s is refused, and its password is not shown', (url) => {
  expect(() => parseRedisUrl(url)).toThrow(expect.objectContaining({ code: 'invalid-value' }));
  expect(() => parseRedisUrl(url)).not.toThrow(/secret|ret@/);
});

test('a refusal says which form the URL should have', () => {
  expect(() => parseRedisUrl('redis-sentinel://host/name')).toThrow(
    expect.objectContaining({ fix: expect.stringContaining('?master=<name>') }),
  );
  expect(() => parseRedisUrl('rediss://host?ca=/nowhere/ca.pem')).toThrow(/nowhere\/ca\.pem.*ENOENT/);
});
