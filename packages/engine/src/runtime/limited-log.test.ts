import { expect, test } from 'vitest';
import { createFakeClock } from '../../test/support/fake-clock.ts';
import { limitedLog } from './limited-log.ts';
import { eachLevel, type LogFields } from './log.ts';

function bench() {
  const lines: LogFields[] = [];
  const clock = createFakeClock();
  const log = limitedLog(
    eachLevel(() => (fields) => void lines.push(fields)),
    clock,
  );
  return { lines, clock, log };
}

test('of more than 100 lines in a second the rest are counted in one line, without another line to come', async () => {
  const { lines, clock, log } = bench();
  for (let n = 0; n < 1_000; n += 1) log.warn({ n }, 'failed');
  expect(lines).toHaveLength(100);
  await clock.advance(1_000);
  expect(lines.slice(100)).toEqual([{ count: 900 }]);
  await clock.advance(10_000);
  log.error({ n: 'later' }, 'failed');
  expect(lines.slice(101)).toEqual([{ n: 'later' }]);
});

test('up to 100 lines a second are all logged, and nothing is told about them', async () => {
  const { lines, clock, log } = bench();
  for (let second = 0; second < 3; second += 1) {
    for (let n = 0; n < 100; n += 1) log.info({ n }, 'line');
    await clock.advance(1_000);
  }
  log.flush();
  expect(lines).toHaveLength(300);
  expect(clock.sleeping).toBe(0);
});

test('a process that ends tells what was left out', () => {
  const { lines, log } = bench();
  for (let n = 0; n < 130; n += 1) log.info({ n }, 'line');
  log.flush();
  log.flush();
  expect(lines.slice(100)).toEqual([{ count: 30 }]);
});
