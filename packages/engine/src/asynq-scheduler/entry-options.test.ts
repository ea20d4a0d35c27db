import { expect, test } from 'vitest';
import { optionsOf, optionTexts } from './entry-options.ts';

test('options are written as Asynq writes them, and read back', () => {
  const options = {
    queue: 'low',
    id: 'a',
    group: 'g',
    maxRetries: 3,
    timeout: '90s',
    unique: '1h',
    delay: '1500ms',
    retention: '1d',
    deadline: new Date(Date.UTC(2026, 4, 3, 7, 8, 9)),
    runAt: new Date(Date.UTC(2026, 4, 3, 7, 8, 9)),
    headers: { a: 'b' },
  } as const;
  const texts = optionTexts(options);
  expect(texts).toEqual([
    'Queue("low")',
    'TaskID("a")',
    'Group("g")',
    'MaxRetry(3)',
    'Timeout(1m30s)',
    'Unique(1h0m0s)',
    'ProcessIn(1.5s)',
    'Retention(24h0m0s)',
    'Deadline(Sun May  3 07:08:09 UTC 2026)',
    'ProcessAt(Sun May  3 07:08:09 UTC 2026)',
    'Header(["a","b"])',
  ]);
  expect(optionsOf(texts)).toEqual({ ...options, unique: '3600s', retention: '86400s' });
});

test('texts that are not valid options are ignored', () => {
  expect(optionsOf(['', 'Queue', 'Queue(x)', 'Timeout(-1s)', 'Later(1)'])).toEqual({});
});

test('a duration that is not valid is refused', () => {
  expect(() => optionTexts({ timeout: 'soon' as '1s' })).toThrow(
    expect.objectContaining({ code: 'invalid-value' }),
  );
});
