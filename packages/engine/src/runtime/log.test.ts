import { expect, it } from 'vitest';
import { createFakeClock } from '../../test/support/fake-clock.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import type { Log, LogFields } from './log.ts';
import { createRuntime } from './runtime.ts';

const refused = (cause: string) => new TaskCenterError('broker-refused', { broker: 'redis://x', cause });

function bench() {
  const lines: { fields: LogFields; message: string }[] = [];
  const write = (fields: LogFields, message: string) => void lines.push({ fields, message });
  const log: Log = { debug() {}, info: write, warn: write, error: write };
  const clock = createFakeClock();
  return { lines, clock, open: () => createRuntime({ log, clock }).log };
}

it('tells one cause once a second, whichever part says it, and counts what was left out', () => {
  const { lines, clock, open } = bench();
  const [forwarder, worker] = [open(), open()];
  for (let i = 0; i < 30; i += 1) {
    forwarder.warn({ loop: 'forwarder', err: refused('NOPERM') }, 'a step failed');
    worker.error({ err: refused('NOPERM') }, 'an exchange failed');
    clock.skip(500);
  }
  expect(lines).toHaveLength(15);
  expect(lines[1]).toMatchObject({ message: 'a step failed', fields: { suppressed: 3 } });
});

it('tells different causes, and what no cause stands behind, each time', () => {
  const { lines, open } = bench();
  const log = open();
  for (const cause of ['NOPERM', 'WRONGPASS']) log.warn({ err: refused(cause) }, 'a step failed');
  for (let i = 0; i < 3; i += 1) {
    log.warn({ err: new Error('of a handler') }, 'an attempt failed');
    log.info({ queue: 'q' }, 'done');
  }
  expect(lines).toHaveLength(8);
  expect(lines.some(({ fields }) => 'suppressed' in fields)).toBe(false);
});

it('leaves a log that is passed on as it is', () => {
  const { open } = bench();
  const log = open();
  expect(createRuntime({ log }).log).toBe(log);
});
