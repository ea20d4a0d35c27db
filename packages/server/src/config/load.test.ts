import { describe, expect, test } from 'vitest';
import { problemText } from './config.ts';
import { loadConfig, type ConfigInput } from './load.ts';
import { sampleYaml } from './sample.ts';
import { settingPaths, variableOf } from './settings.ts';

const good = (input: ConfigInput) => {
  const loaded = loadConfig(input);
  if (!loaded.ok) throw new Error(loaded.problems.map(problemText).join('\n'));
  return loaded.config;
};
const problems = (input: ConfigInput) => {
  const loaded = loadConfig(input);
  return loaded.ok ? [] : loaded.problems;
};

describe('a configuration', () => {
  test('is complete without any source', () => {
    const { settings, ...config } = good({});
    expect(Object.keys(settings)).toEqual(settingPaths);
    expect(config).toEqual({
      broker: 'sqlite:./data/tasks.db',
      brokerAllow: [],
      dataDir: './data',
      roles: ['api', 'worker', 'scheduler'],
      http: { host: '127.0.0.1', port: 7420, maxRequests: 512, maxConnections: 10_000 },
      publicUrl: null,
      worker: { concurrency: 10, maxStallMs: 30_000 },
      callbacks: { mode: 'try', allow: [], concurrency: 256 },
      limits: { queues: 5_000 },
      history: { maxBytes: 67_108_864 },
      metrics: { open: false },
      health: null,
      schedules: [],
      keyFile: './data/admin.key',
      log: { level: 'info' },
      shutdown: { timeoutMs: 8_000, unreadyMs: 0 },
    });
  });

  test('is frozen at every level', () => {
    const config = good({ yaml: 'callbacks: { allow: [{ host: a }] }' });
    expect(
      Object.isFrozen(config) && Object.isFrozen(config.http) && Object.isFrozen(config.callbacks.allow[0]),
    ).toBe(true);
  });

  test('prefers flags to variables, variables to the file, and the file to defaults', () => {
    const yaml = 'http: { port: 1, host: a }\ndata_dir: /file\n';
    const env = { TASKCENTER_HTTP_PORT: '2', TASKCENTER_DATA_DIR: '/env' };
    const config = good({ yaml, env, flags: { 'http.port': '3' } });
    expect(config).toMatchObject({
      http: { port: 3, host: 'a' },
      dataDir: '/env',
      broker: 'sqlite:/env/tasks.db',
    });
  });

  test.each([
    ['TASKCENTER_ROLES', '["api"]', { roles: ['api'] }],
    ['TASKCENTER_ROLES', 'api, worker', { roles: ['api', 'worker'] }],
    ['TASKCENTER_WORKER_CONCURRENCY', '20', { worker: { concurrency: 20 } }],
    ['TASKCENTER_WORKER_MAX_STALL', '1m30s', { worker: { maxStallMs: 90_000 } }],
    ['TASKCENTER_CALLBACKS_CONCURRENCY', '1', { callbacks: { concurrency: 1 } }],
    ['TASKCENTER_BROKER', 'redis://u:p@h:1/2', { broker: 'redis://u:p@h:1/2' }],
    [
      'TASKCENTER_BROKER',
      'redis-sentinel://:p@a,b:7/1?master=m',
      { broker: 'redis-sentinel://:p@a,b:7/1?master=m' },
    ],
    [
      'TASKCENTER_BROKER',
      'rediss-cluster://u:p@a:1,b:2?ca=/etc/ca.pem',
      { broker: 'rediss-cluster://u:p@a:1,b:2?ca=/etc/ca.pem' },
    ],
    [
      'TASKCENTER_BROKER',
      'redis-socket://:p@/run/redis.sock?db=1',
      { broker: 'redis-socket://:p@/run/redis.sock?db=1' },
    ],
    ['TASKCENTER_KEY_FILE', '/run/key', { keyFile: '/run/key' }],
    ['TASKCENTER_PUBLIC_URL', 'https://t.test/x/', { publicUrl: 'https://t.test/x' }],
    [
      'TASKCENTER_CALLBACKS_ALLOW',
      '[{"host":"erp.lan","ports":["8080"],"http":true}]',
      { callbacks: { allow: [{ host: 'erp.lan', ports: ['8080'], http: true }] } },
    ],
  ])('reads %s=%s', (name, text, expected) => {
    expect(good({ env: { [name]: text } })).toMatchObject(expected);
  });

  test('an empty variable and a key without a value set nothing', () => {
    expect(good({ yaml: 'http:\n  port:\nbroker:\n', env: { TASKCENTER_HTTP_PORT: '' } }).http.port).toBe(
      7420,
    );
  });
});

describe('problems of a configuration', () => {
  test('are reported all at once, each with its location, what was found and what was expected', () => {
    const found = problems({
      yaml: 'htpp: { port: 1 }\nhttp: { port: 70000, prt: 1 }\nroles: [api, cook]\ncallbacks: { allow: [{ cidr: x }, { host: a, cidr: 10.0.0.0/8 }] }',
      env: { TASKCENTER_BROKER: 'mysql://u:secret@h', TASKCENTER_WORKER_CONCURRENCY: 'many' },
      flags: { 'log.level': 'loud' },
    });
    const texts = found.map(problemText);
    expect(found.map(({ path }) => path).sort()).toEqual([
      'broker',
      'callbacks.allow[0].cidr',
      'callbacks.allow[1]',
      'htpp',
      'http.port',
      'http.prt',
      'log.level',
      'roles[1]',
      'worker.concurrency',
    ]);
    expect(texts).toContain(
      'http.port (the configuration file): found 70000; expected a whole number from 0 to 65535; 0 takes any free port',
    );
    expect(texts).toContain(
      'worker.concurrency (TASKCENTER_WORKER_CONCURRENCY): found "many"; expected a whole number from 1 to 10000',
    );
    expect(texts.find((text) => text.startsWith('http.prt'))).toContain('did you mean http.port?');
    expect(texts.join()).not.toContain('secret');
  });

  test.each([
    ['a: [', 'line 1'],
    ['http: {port: 1}\nhttp: {port: 2}', 'line 2'],
    ['- a', 'keys with values'],
    ['http: 7', 'keys below it'],
    ['a: &a [*a]', 'an alias'],
  ])('in a file with %j are found', (yaml, words) => {
    expect(problems({ yaml }).map(problemText).join()).toContain(words);
  });

  test('never show a password, not even one with special characters', () => {
    const found = problems({ env: { TASKCENTER_BROKER: 'redis://:se@cret@h:port' } }).map(problemText);
    expect(found.join()).toContain('redis://:***@h:port');
  });

  test.each([
    ['broker', 'sqlite:'],
    ['broker', 'redis-sentinel://a/b'],
    ['broker', 'redis-cluster://a,b/1'],
    ['broker', 'redis://h:port'],
    ['http.host', 'http://x'],
    ['public_url', 'ftp://x'],
    ['public_url', 'https://u@x'],
    ['roles', ''],
    ['roles', 'api,api'],
    ['callbacks.mode', 'try'],
    ['callbacks.allow', '[{"host":"a","ports":["0"]}]'],
    ['callbacks.allow', 'a'],
    ['callbacks.allow', '[{"host":"a","port":1}]'],
    ['worker.concurrency', '0'],
    ['limits.queues', '0'],
    ['limits.queues', '-1'],
    ['limits.queues', 'unlimited'],
    ['limits.queues', '1e4'],
    ['worker.max_stall', '30'],
    ['worker.max_stall', '1s'],
    ['worker.max_stall', '10m1ms'],
    ['shutdown.timeout', '0s'],
    ['shutdown.unready', '8s'],
    ['http.prot', '1'],
  ])('%s = %j is refused', (path, value) => {
    expect(problems({ flags: { [path]: value } }).length).toBeGreaterThan(0);
  });

  test('do not include unknown variables; those cause warnings', () => {
    const { ok, warnings } = loadConfig({
      env: { TASKCENTER_HTTP_PROT: '1', TASKCENTER_PORT_80_TCP: 'x', TASKCENTER_URL: 'u', PATH: '/bin' },
    });
    expect(ok).toBe(true);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('did you mean TASKCENTER_HTTP_PORT?');
  });

  test('do not include what Kubernetes sets for a Service, not even under the name of a key', () => {
    const env = {
      TASKCENTER_PORT: 'tcp://10.0.0.1:7420',
      TASKCENTER_PORT_7420_TCP: 'tcp://10.0.0.1:7420',
      TASKCENTER_PORT_7420_TCP_ADDR: '10.0.0.1',
      TASKCENTER_SERVICE_HOST: '10.0.0.1',
      TASKCENTER_SERVICE_PORT: '7420',
      TASKCENTER_SERVICE_PORT_WEB: '7420',
      // The Service taskcenter-http.
      TASKCENTER_HTTP_PORT: 'tcp://10.0.0.2:80',
    };
    expect(good({ env }).http.port).toBe(7420);
    expect(loadConfig({ env }).warnings).toEqual([
      'TASKCENTER_HTTP_PORT and 6 more variables are set by Kubernetes for a Service of that name, and not used (enableServiceLinks: false in the pod turns this off)',
    ]);
  });

  test.each([
    [
      'http:\n  port: 1\n  host: a\n  port: 2',
      'http.port (the configuration file, line 4): found the key again, after line 2',
    ],
    [
      'log: { level: info }\nhttp: { port: 1 }\nlog: {}',
      'log (the configuration file, line 3): found the key again, after line 1',
    ],
    ['http: { port: 1 }\nhttp.port: 2', 'http.port (the configuration file): found two values, in two forms'],
    [
      'callbacks: { allow: [{ host: a, host: b }] }',
      'callbacks.allow[0].host (the configuration file, line 1)',
    ],
    ['"http": { port: 1 }\nhttp: { port: 2 }', 'http (the configuration file, line 2)'],
  ])('name a key that is set twice: %j', (yaml, words) => {
    expect(problems({ yaml }).map(problemText)).toEqual([expect.stringContaining(words)]);
  });
});

describe('mode try', () => {
  const mode = (input: ConfigInput) => good(input).callbacks.mode;

  test('stays on while only harmless keys are set', () => {
    expect(mode({ yaml: '# nothing\n' })).toBe('try');
    expect(mode({ yaml: 'http:\n  # port: 1\n' })).toBe('try');
    expect(mode({ yaml: sampleYaml() })).toBe('try');
    expect(
      mode({
        env: { TASKCENTER_BROKER: 'redis://h', TASKCENTER_HTTP_PORT: '1', TASKCENTER_DATA_DIR: '/d' },
        flags: { roles: 'api', 'callbacks.concurrency': '9', 'http.host': 'localhost' },
      }),
    ).toBe('try');
  });

  test.each<ConfigInput>([
    { yaml: 'log: { level: info }' },
    { yaml: 'http: { port: 1 }', env: { TASKCENTER_HTTP_PORT: '2' } },
    { yaml: 'callbacks: { concurrency: 1 }', flags: { 'callbacks.concurrency': '2' } },
    { flags: { 'http.host': '0.0.0.0' } },
    { env: { TASKCENTER_PUBLIC_URL: 'https://x.test' } },
    { env: { TASKCENTER_CALLBACKS_ALLOW: '[]' } },
    { env: { TASKCENTER_CALLBACKS_MODE: 'service' } },
  ])('is off with %j', (input) => {
    expect(mode(input)).toBe('service');
  });
});

describe('the table of settings', () => {
  test('gives each key its own variable', () => {
    const names = settingPaths.map(variableOf);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('TASKCENTER_CALLBACKS_CONCURRENCY');
  });

  test('produces a sample whose lines are all comments, and which is valid without the comment marks', () => {
    const lines = sampleYaml().split('\n');
    expect(lines.every((line) => line === '' || line.startsWith('#'))).toBe(true);
    const keys = lines.filter((line) => /^# *[a-z_]+:/.test(line)).map((line) => line.slice(2));
    expect(problems({ yaml: keys.join('\n') })).toEqual([]);
    for (const path of settingPaths) expect(sampleYaml()).toContain(variableOf(path));
  });
});
