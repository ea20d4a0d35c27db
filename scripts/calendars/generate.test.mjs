import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../tools.mjs';
import { asRanges, faultsOf } from './generate.mjs';
import { PACKAGES } from './sources.mjs';

const TAKEN = { name: 'taken', off: ['2026-10-01', '2026-10-02'], on: ['2026-10-10'] };
const COMPARED = { ...TAKEN, name: 'compared' };
const faults = (changes, years = [2026, 2026]) => faultsOf({ ...TAKEN, ...changes }, COMPARED, years);

test('dates become ranges, over the end of a month too', () => {
  expect(asRanges(['2023-10-01', '2023-09-30', '2023-09-29', '2023-01-01', '2023-04-05', '2023-04-07'])).toBe(
    '01-01 04-05 04-07 09-29..10-01',
  );
  expect(asRanges([])).toBe('');
});

test('sources that agree have no faults', () => {
  expect(faults({})).toEqual([]);
});

test('a date that only one source has is a fault, unless its year is not compared', () => {
  expect(faults({ off: ['2026-10-01', '2026-10-03'] })).toEqual([
    '2026-10-02: only compared has it in `off`',
    '2026-10-03: only taken has it in `off`',
  ]);
  expect(faults({ off: ['2026-10-01'] }, [2025, 2025])).toEqual([]);
});

test('a difference that was looked up in the notice is none', () => {
  const known = { ...COMPARED, on: [...COMPARED.on, '2018-06-16'] };
  expect(faultsOf(TAKEN, known, [2018, 2026])).toEqual([]);
});

test('a worked weekday and a day that is off and worked are faults', () => {
  expect(
    faultsOf({ ...TAKEN, on: ['2026-10-01'] }, { ...COMPARED, on: ['2026-10-01'] }, [2026, 2026]),
  ).toEqual(['2026-10-01 is worked, but no weekend', '2026-10-01 is off and worked']);
});

test('the generated file is from the versions that are fetched now', () => {
  const text = readFileSync(join(root, 'packages/model/src/calendars/cn.generated.ts'), 'utf8');
  expect(text).toContain(`from ${PACKAGES[0].replace('@', ' ')};`);
});
