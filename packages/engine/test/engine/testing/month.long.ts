import { test } from 'vitest';
import { checkDays } from './hourly.ts';

test('a month of an hourly task with failures runs each time once, retries in between, and does no work in vain', () =>
  checkDays(30));
