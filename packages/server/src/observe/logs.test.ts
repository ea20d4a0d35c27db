import { describe, expect, test } from 'vitest';
import { VERSION } from '../version.ts';
import { createLog } from './logs.ts';

function lines(level: 'debug' | 'info' | 'silent') {
  const written: string[] = [];
  const config = { log: { level }, roles: ['api', 'worker'] as const };
  const log = createLog(config, {
    write: (line: string) => void written.push(line),
    takeDropped: () => 0,
  });
  return { log, read: () => written.map((line) => JSON.parse(line) as Record<string, unknown>), written };
}

describe('a log line', () => {
  test('has the time, level, message and the service that wrote it', () => {
    const { log, read } = lines('info');
    log.info({ task_id: 'a', attempt: 2, queue: undefined }, 'message');
    const [line] = read();
    expect(line).toMatchObject({
      level: 'info',
      msg: 'message',
      service: 'task-center',
      version: VERSION,
      role: 'api,worker',
      task_id: 'a',
      attempt: 2,
    });
    expect(line).not.toHaveProperty('queue');
    expect(new Date(String(line?.['time'])).getTime()).toBeGreaterThan(0);
  });

  test('drops every field that is not in the list of allowed ones', () => {
    const { log, written } = lines('info');
    log.warn({ payload: 'secret', headers: { authorization: 'secret' }, task_id: 'a' }, 'message');
    expect(written.join()).not.toContain('secret');
    expect(written.join()).toContain('"task_id":"a"');
  });

  test('shows an error with class, message and stack, but without passwords', () => {
    const { log, read, written } = lines('info');
    log.error({ err: new TypeError('redis://user:secret@host is away') }, 'message');
    expect(read()[0]?.['err']).toMatchObject({
      class: 'TypeError',
      message: 'redis://user:***@host is away',
    });
    expect(written.join()).not.toContain('secret');
    log.warn({ err: new Error('redis://:sec@ret@host is away, user@host too') }, 'message');
    expect(read()[1]?.['err']).toMatchObject({ message: 'redis://:***@host is away, user@host too' });
    log.warn({ err: new Error('Invalid URL https://a.test/x?apikey=secret&b=1, and more') }, 'message');
    expect(read()[2]?.['err']).toMatchObject({
      message: 'Invalid URL https://a.test/x?apikey=***&b=1, and more',
    });
    expect(written.join()).not.toContain('secret');
    log.warn({ err: { class: 'http_status', message: '503' } }, 'message');
    expect(read()[3]?.['err']).toEqual({ class: 'http_status', message: '503' });
  });

  test('is written only if its level is at least the configured one', () => {
    const { log, written } = lines('info');
    log.debug({}, 'no');
    expect(written).toHaveLength(0);
    const silent = lines('silent');
    silent.log.error({}, 'no');
    expect(silent.written).toHaveLength(0);
  });
});

test('the number of dropped lines is logged before the next line', () => {
  const written: string[] = [];
  let dropped = 7;
  const log = createLog(
    { log: { level: 'info' }, roles: ['api'] },
    {
      write: (line) => void written.push(line),
      takeDropped: () => dropped,
    },
  );
  log.info({}, 'first');
  dropped = 0;
  log.info({}, 'second');
  const parsed = written.map((line) => JSON.parse(line) as { msg: string; count?: number });
  expect(parsed.map(({ msg, count }) => count ?? msg)).toEqual([7, 'first', 'second']);
});
