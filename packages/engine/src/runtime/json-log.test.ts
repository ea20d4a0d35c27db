import { expect, test } from 'vitest';
import { createJsonLog } from './json-log.ts';

function lines() {
  const written: string[] = [];
  const output = { write: (line: string) => void written.push(line), takeDropped: () => 0 };
  const log = createJsonLog({ level: 'info', output, base: { service: 's' } });
  return { log, written, last: () => JSON.parse(written.at(-1) ?? '') as Record<string, unknown> };
}

test('a line is one line of JSON, whatever a handler logs', () => {
  const { log, written, last } = lines();
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  const throwing = {
    toJSON() {
      throw new Error('no');
    },
  };
  const bytes = 'x'.repeat(20_000);
  log.info({ circle, throwing, big: 5n, nothing: undefined, run() {}, bytes, ok: [1] }, 'a\nb');
  expect(written).toHaveLength(1);
  expect(written[0]?.indexOf('\n')).toBe((written[0]?.length ?? 0) - 1);
  expect(last()).toMatchObject({
    service: 's',
    msg: 'a\nb',
    circle: 'a value that JSON cannot represent',
    throwing: 'a value that JSON cannot represent',
    big: '5',
    bytes: expect.stringMatching(/^x{8192}…$/),
    ok: [1],
  });
  log.info({ first: 1, all: Array.from({ length: 50_000 }, (_, n) => n) }, 'm');
  expect(last()).toMatchObject({ first: 1, all: 'left out: too long' });
});

test('an error of any field has its class, message and stack with its causes, without passwords', () => {
  const { log, written, last } = lines();
  const cause = new Error('redis://user:secret@host is away');
  log.warn({ err: new TypeError('bad', { cause }), other: cause, cause }, 'm');
  expect(last()).toMatchObject({
    err: { class: 'TypeError', message: 'bad', stack: expect.stringMatching(/json-log[^]*Caused by: Error/) },
    other: { class: 'Error', message: 'redis://user:***@host is away' },
  });
  expect(written.join()).not.toContain('secret');
  for (const err of ['text', null, 5]) {
    log.warn({ err }, 'm');
    expect(last()).toMatchObject({ err: { class: 'unknown', message: String(err) } });
  }
});

test('no field stands in the place of time, level or message', () => {
  const { log, last } = lines();
  log.error({ level: 'info', time: 0, msg: 'other' }, 'm');
  expect(last()).toMatchObject({ level: 'error', msg: 'm', time: expect.stringMatching(/^20/) });
});

test('a level that is set later counts from then on', () => {
  const { log, written } = lines();
  log.debug({}, 'no');
  log.setLevel('debug');
  log.debug({}, 'yes');
  log.setLevel('silent');
  log.error({}, 'no');
  expect(written).toHaveLength(1);
});
