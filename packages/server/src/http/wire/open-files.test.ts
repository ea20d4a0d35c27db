import { silentLog } from '@task-center/engine';
import { expect, test } from 'vitest';
import { connectionBound, readFileLimit } from './open-files.ts';

const configOf = (maxConnections: number, concurrency: number, roles: readonly ('api' | 'worker')[]) => ({
  http: { host: '127.0.0.1', port: 0, maxRequests: 1, maxConnections },
  callbacks: { mode: 'service' as const, allow: [], concurrency },
  roles,
});

test.each([
  { bound: 10_000, what: 'the setting alone, without a limit', fileLimit: null },
  { bound: 300, what: 'the setting, where there is room', max: 300 },
  { bound: 1_024 - 2 * 256 - 64 - 64, what: 'what callbacks, broker and 64 leave' },
  { bound: 1_024 - 64 - 64, what: 'more without callbacks', roles: ['api'] as const },
  { bound: 16, what: 'never too few to be of use', fileLimit: 256 },
  { bound: 8, what: 'never more than the setting', max: 8, fileLimit: 256 },
])('the bound is $what', ({ bound, max = 10_000, roles = ['api', 'worker'] as const, fileLimit = 1_024 }) => {
  expect(connectionBound(configOf(max, 256, roles), fileLimit, silentLog)).toBe(bound);
});

test.each([
  [1_024, 'info', 'allows fewer connections'],
  [256, 'warn', 'raise it (ulimit -n)'],
] as const)('a limit of %d is told by a line at level %s', (fileLimit, level, text) => {
  const lines: string[] = [];
  const at = (name: string) => (_: object, message: string) => void lines.push(`${name}: ${message}`);
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  connectionBound(configOf(10_000, 256, ['api', 'worker']), fileLimit, log);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(`${level}: `);
  expect(lines[0]).toContain(text);
});

test('the limit of this process is known on Linux', () => {
  if (process.platform === 'linux') expect(readFileLimit()).not.toBe(0);
  else expect(readFileLimit()).toBeNull();
});
