import { silentLog, systemClock, TaskCenterError } from '@task-center/engine';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Shortages } from './shortages.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Shortages whose lines are recorded. The broker has no file here. */
function shortages() {
  const told: string[] = [];
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) =>
    void told.push(`${level} ${String((fields as { suppressed?: number }).suppressed ?? '-')} ${message}`);
  const log = { ...silentLog, warn: at('warn'), error: at('error') };
  const watched = new Shortages({ log, clock: systemClock, folder: null });
  watched.start();
  return { watched, told };
}

const full = () => new TaskCenterError('broker-full', { broker: 'redis://h' });
const noDescriptors = () => Object.assign(new Error('EMFILE'), { code: 'EMFILE' });
const BEGUN = 'error - the disk or the memory of the broker is full: new tasks are refused until it has room';

test('a full broker is told once, until it has stored something', () => {
  const { watched, told } = shortages();
  for (let n = 0; n < 300; n += 1) expect(watched.note(full())).toBe(true);
  watched.log.warn({ err: new Error('failed', { cause: full() }) }, 'a step failed');
  expect(told).toEqual([BEGUN]);
  vi.advanceTimersByTime(60_000);
  expect(told).toHaveLength(1);
  watched.onStored();
  watched.onStored();
  expect(told.slice(1)).toEqual(['error 300 the broker has room again']);
  watched.note(full());
  expect(told.at(-1)).toBe(BEGUN);
});

test('a lack of descriptors ends when there were enough for some seconds', () => {
  const { watched, told } = shortages();
  watched.log.error({ err: noDescriptors() }, 'HTTP cannot accept a connection');
  vi.advanceTimersByTime(2_000);
  watched.log.error({ err: noDescriptors() }, 'HTTP cannot accept a connection');
  vi.advanceTimersByTime(2_999);
  expect(told).toEqual([expect.stringContaining('error - no file descriptors are left')]);
  vi.advanceTimersByTime(1);
  expect(told.slice(1)).toEqual(['error 1 there are file descriptors again']);
});

test('other lines are logged as they are', () => {
  const { watched, told } = shortages();
  watched.log.warn({ err: new Error('reset') }, 'a callback failed');
  watched.log.error({}, 'a defect');
  expect(watched.note(new Error('reset'))).toBe(false);
  expect(told).toEqual(['warn - a callback failed', 'error - a defect']);
});

test('nothing is looked at any more after the end', () => {
  const { watched, told } = shortages();
  watched.note(noDescriptors());
  watched.stop();
  vi.advanceTimersByTime(60_000);
  expect(told).toHaveLength(1);
});
