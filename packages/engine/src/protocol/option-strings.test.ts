import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseOption, writeOption, type EntryOption } from './option-strings.ts';

// What Go 1.24 and asynq v0.26 print.
const AT = Date.UTC(2023, 10, 14, 22, 13, 20);
test.each<[EntryOption, string]>([
  [{ name: 'MaxRetry', value: 3 }, 'MaxRetry(3)'],
  [{ name: 'Queue', value: 'a' }, 'Queue("a")'],
  [{ name: 'TaskID', value: 'x"\n\u007f' }, String.raw`TaskID("x\"\n\x7f")`],
  [{ name: 'Group', value: 'g)(' }, 'Group("g)(")'],
  [{ name: 'Timeout', ms: 90_000 }, 'Timeout(1m30s)'],
  [{ name: 'Unique', ms: 3_600_000 }, 'Unique(1h0m0s)'],
  [{ name: 'ProcessIn', ms: 120_250 }, 'ProcessIn(2m0.25s)'],
  [{ name: 'Retention', ms: 1.5 }, 'Retention(1.5ms)'],
  [{ name: 'Timeout', ms: 0 }, 'Timeout(0s)'],
  [{ name: 'Timeout', ms: 0.000_007 }, 'Timeout(7ns)'],
  [{ name: 'Timeout', ms: -0.0025 }, 'Timeout(-2.5\u00b5s)'],
  [{ name: 'Deadline', atMs: AT }, 'Deadline(Tue Nov 14 22:13:20 UTC 2023)'],
  [{ name: 'ProcessAt', atMs: Date.UTC(2026, 4, 3) }, 'ProcessAt(Sun May  3 00:00:00 UTC 2026)'],
  [{ name: 'Header', key: 'k', value: '<v>' }, String.raw`Header(["k","\u003cv\u003e"])`],
])('%j has the text %s', (option, text) => {
  expect(writeOption(option)).toBe(text);
  expect(parseOption(text)).toEqual(option);
});

test.each([
  ['MaxRetry', null],
  ['MaxRetry(3', null],
  ['MaxRetry(x)', null],
  ['Other(3)', null],
  ['Queue(a)', null],
  [String.raw`Queue("\q")`, null],
  [String.raw`Queue("\ud800")`, null],
  ['Timeout(5)', null],
  ['Timeout(0)', { name: 'Timeout', ms: 0 }],
  ['Timeout(+1.5h.5m)', { name: 'Timeout', ms: 5_430_000 }],
  ['Timeout(2us3\u03bcs)', { name: 'Timeout', ms: 0.005 }],
  ['Timeout(2562048h)', null],
  ['Deadline(Tue Feb 30 22:13:20 UTC 2023)', null],
  ['Deadline(Tue Nov 14 22:13:20 CET 2023)', { name: 'Deadline', atMs: AT }],
  ['Header(["k"])', null],
  ['Header({)', null],
  [String.raw`Queue("\x41\102\u00fc\U0001f69a\xc3\xbc\a")`, { name: 'Queue', value: 'ABü🚚ü\u0007' }],
])('%s is read as %j', (text, option) => {
  expect(parseOption(text)).toEqual(option);
});

test('a fraction of a second of a time is rounded up', () => {
  expect(writeOption({ name: 'ProcessAt', atMs: AT - 999 })).toBe('ProcessAt(Tue Nov 14 22:13:20 UTC 2023)');
});

test('every option is read back from its text', () => {
  const text = fc.string({ unit: 'grapheme' });
  const options = fc.oneof(
    fc.record({ name: fc.constant('MaxRetry' as const), value: fc.integer({ min: 0, max: 2 ** 31 - 1 }) }),
    fc.record({ name: fc.constantFrom('Queue' as const, 'TaskID' as const, 'Group' as const), value: text }),
    fc.record({
      name: fc.constantFrom(
        'Timeout' as const,
        'Unique' as const,
        'ProcessIn' as const,
        'Retention' as const,
      ),
      ms: fc.integer({ min: -1e11, max: 3e11 }),
    }),
    fc.record({
      name: fc.constantFrom('Deadline' as const, 'ProcessAt' as const),
      atMs: fc.integer({ min: -3e10, max: 2.5e11 }).map((seconds) => seconds * 1_000),
    }),
    fc.record({ name: fc.constant('Header' as const), key: text, value: text }),
  );
  const inGoYears = (option: EntryOption) =>
    !('atMs' in option) || (option.atMs > Date.UTC(1, 0) && option.atMs < Date.UTC(9_999, 0));
  fc.assert(
    fc.property(options.filter(inGoYears), (option) => {
      expect(parseOption(writeOption(option))).toEqual(option);
    }),
  );
});
