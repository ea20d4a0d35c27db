import type { Log } from '@task-center/engine';
import { expect, test } from 'vitest';
import type { Config, LogLevel } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { LiveRules } from './http/live-rules.ts';
import { createLiveConfig } from './reload.ts';

function configOf(yaml: string): Config {
  const loaded = loadConfig({ yaml });
  if (!loaded.ok) throw new Error('not valid');
  return loaded.config;
}

/** A configuration in force, what it reached, and what was logged. */
function liveConfig(yaml: string) {
  const logged: string[] = [];
  const levels: LogLevel[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void logged.push(`${level} ${JSON.stringify(fields)} ${message}`);
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const config = configOf(yaml);
  const rules = new LiveRules(config.callbacks, log);
  const live = createLiveConfig(config, { rules, log, setLogLevel: (level) => void levels.push(level) });
  return { live, rules, logged, levels, reload: (text: string) => live.reload(async () => configOf(text)) };
}

test('what can change at once does, and is named', async () => {
  const { live, rules, logged, levels, reload } = liveConfig('log: { level: info }');
  let changes = 0;
  rules.onChange(() => (changes += 1));
  await reload('log: { level: warn }\nshutdown: { timeout: 20s }\ncallbacks: { allow: [{ host: erp.lan }] }');
  expect(rules.allow).toEqual([{ host: 'erp.lan' }]);
  expect(changes).toBe(1);
  expect(levels).toEqual(['warn']);
  expect(live.shutdown).toEqual({ timeoutMs: 20_000, unreadyMs: 0 });
  expect(logged).toEqual([
    'info {"changed":"callbacks.allow log.level shutdown.timeout"} the configuration was read again',
  ]);
});

test('what needs a restart is named each time, until it is as the service was started', async () => {
  const { logged, reload } = liveConfig('http: { port: 1 }');
  await reload('http: { port: 2 }');
  await reload('http: { port: 2 }');
  await reload('http: { port: 1 }');
  expect(logged.filter((line) => line.startsWith('warn'))).toEqual([
    'warn {"restart":"http.port"} some of what has changed takes effect only after a restart',
    'warn {"restart":"http.port"} some of what has changed takes effect only after a restart',
  ]);
});

test('a configuration that cannot be read changes nothing', async () => {
  const { live, rules, logged } = liveConfig('callbacks: { allow: [{ host: erp.lan }] }');
  await live.reload(() => Promise.reject(new Error('http.port: found "x"')));
  expect(rules.allow).toEqual([{ host: 'erp.lan' }]);
  expect(logged).toEqual([
    'error {"reason":"http.port: found \\"x\\""} the configuration was not read again, and nothing has changed',
  ]);
});

test('mode try ends when the file sets something, and never begins while the service runs', async () => {
  const { rules, reload } = liveConfig('');
  expect(rules.mode).toBe('try');
  await reload('log: { level: info }');
  expect(rules.mode).toBe('service');
  // A file that is being written is empty for a moment.
  await reload('');
  expect(rules.mode).toBe('service');
});
