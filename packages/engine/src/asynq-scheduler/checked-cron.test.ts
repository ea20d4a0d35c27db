import { expect, test } from 'vitest';
import { checkedCron } from './checked-cron.ts';

test('a schedule that is not valid is an error', () => {
  expect(() => checkedCron('60 * * * *')).toThrow(expect.objectContaining({ code: 'invalid-value' }));
});

test('an unknown default zone is refused, and the error names it', () => {
  expect(() => checkedCron('@daily', 'Nowhere/Else')).toThrow(/Nowhere\/Else/);
});
