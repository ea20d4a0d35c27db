import { silentLog, systemClock } from '@task-center/engine';
import { expect, test, vi } from 'vitest';
import { RefusalLog } from './refusal-log.ts';

test('sign-ins that fail are told at once, then at most once a second, counted with their reasons', () => {
  vi.useFakeTimers();
  try {
    const told: unknown[] = [];
    const log = { ...silentLog, info: (fields: unknown) => void told.push(fields) };
    const refusals = new RefusalLog({ clock: systemClock, log });
    refusals.add('wrong secret', 'abc');
    expect(told).toEqual([{ count: 1, reason: 'wrong secret: 1', key_id: 'abc' }]);
    for (let n = 0; n < 3_000; n += 1) refusals.add(n % 3 === 0 ? 'no key' : 'not a key');
    expect(told).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    expect(told.slice(1)).toEqual([{ count: 3_000, reason: 'no key: 1000, not a key: 2000' }]);
    refusals.add('no key');
    expect(told).toHaveLength(2);
    vi.advanceTimersByTime(2_000);
    expect(told).toHaveLength(3);
    refusals.add('unknown key', 'x');
    expect(told).toHaveLength(4);
  } finally {
    vi.useRealTimers();
  }
});
