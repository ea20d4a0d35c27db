import { describe, expect, test } from 'vitest';
import { assemble } from './generate.mjs';

const CONSTANTS = new Map([
  [
    'FIELD',
    new Map([
      ['message', 'msg'],
      ['state', 'state'],
      ['meta', 'tc'],
    ]),
  ],
  ['CODE', new Map([['done', '1']])],
]);
const HEADER = '-- KEYS   task\n-- ARGV   now; id: of the task\nuse(KEYS.task, ARGV.id)\n';
const assembled = (text, preludes = {}) => assemble(text, (name) => preludes[name], CONSTANTS);
/** The code of a script behind the usual header. */
const codeOf = (lines, preludes) =>
  assembled(HEADER + lines, preludes)
    .text.replace('use(KEYS[1], ARGV[2])\n', '')
    .trim();

describe('a script that is assembled', () => {
  test('has the positions of keys and arguments, and tells their names', () => {
    const text = [
      '#!lua flags=allow-oom',
      '-- example: shows names.',
      '-- KEYS   receipt; pending',
      '-- ARGV   now; slot: of the receipt, with a colon: here; limit; leases...: a record each, on a',
      '--        line of its own',
      '-- RECORD lease: id; token: what comes; with_more',
      'local limit = ARGV.limit + ARGV.slot + ARGV.now',
      "redis.call('DEL', KEYS.receipt, KEYS.pending)",
      'for lease = INDEX.leases, #ARGV, SIZE.lease do',
      '  check(ARGV[lease].id, ARGV[lease].with_more)',
      'end',
    ].join('\n');
    expect(assembled(text)).toEqual({
      keys: ['receipt', 'pending'],
      args: ['slot', 'limit'],
      records: new Map([['lease', ['id', 'token', 'with_more']]]),
      text: [
        '#!lua flags=allow-oom',
        'local limit = ARGV[3] + ARGV[2] + ARGV[1]',
        "redis.call('DEL', KEYS[1], KEYS[2])",
        'for lease = 4, #ARGV, 3 do',
        '  check(ARGV[lease], ARGV[lease + 2])',
        'end\n',
      ].join('\n'),
    });
  });

  test('has the positions of fields in rows, and the stored names of fields', () => {
    const lines =
      "-- RECORD row, other: state; message; score\nlocal row = read('HMGET', FIELDS.row, FIELD.meta)\n";
    expect(codeOf(`${lines}return row.err or row.message or other.score == CODE.done`)).toBe(
      "local row = read('HMGET', 'state', 'msg', 'tc')\nreturn row.err or row[2] or other[3] == '1'",
    );
  });

  test('leaves other tables alone', () => {
    expect(codeOf('-- RECORD row: id\nreturn string.rep(rows.id, my.row.id, STATES.id)')).toBe(
      'return string.rep(rows.id, my.row.id, STATES.id)',
    );
  });

  test.each([
    ['ARGV.nothing', '"nothing" is not declared'],
    ['SIZE.nothing', '"nothing" is not declared'],
    ['FIELD.nothing', '"nothing" is not declared'],
    ['-- RECORD row: id\nreturn row.nothing', '"nothing" is not declared'],
    ['-- RECORD row: not a name', '"not a name" is not a name'],
  ])('may not use %j', (lines, message) => {
    expect(() => codeOf(lines)).toThrow(message);
  });

  test('uses all that its header declares, and declares it once', () => {
    expect(() => assembled('-- KEYS   task\n-- ARGV   now\nreturn 1')).toThrow('not used: task');
    expect(() => assembled('-- KEYS   id\n-- ARGV   now; id\nreturn 1')).toThrow('twice');
    expect(() => assembled('-- KEYS   task\n-- ARGV   id\nreturn 1')).toThrow('first argument must be "now"');
  });
});

describe('preludes', () => {
  const preludes = {
    first:
      '-- What it is.\nlocal function one()\n  return 1\nend\n\nlocal function two()\n  return one() + 1\nend',
    second: '-- RECORD row: state; message\nlocal function three()\n  return 3\nend',
  };
  const ONE = 'local function one()\n  return 1\nend\n';
  const TWO = 'local function two()\n  return one() + 1\nend\n';

  test('come in without functions that nothing calls', () => {
    expect(codeOf('-- @use first second\nreturn two()', preludes)).toBe(`${ONE}${TWO}return two()`);
    expect(codeOf('-- @use first second\nreturn one()', preludes)).toBe(`${ONE}return one()`);
    expect(codeOf('-- @use first second\n-- Calls one() and two().\nreturn x.one', preludes)).toBe(
      'return x.one',
    );
  });

  test.each([
    "return read('one') .. \"it's two\"",
    "return 'it\\'s one', 'two'",
    'return 1 -- one() of two()',
    "return { one = 1, two = 'one' }",
  ])('come in without functions whose names are only in strings, comments or keys: %s', (line) => {
    expect(codeOf(`-- @use first\n${line}`, preludes)).toBe(line);
  });

  test('come in with a function that is called behind a string', () => {
    const line = "return '--' .. one(), 'one' == one";
    expect(codeOf(`-- @use first\n${line}`, preludes)).toBe(`${ONE}${line}`);
  });

  test('of a function are inside of it, and hide what is outside', () => {
    const wrapper = 'local function wrapper()\n  -- @use first second\n  return one(row.message)\nend\n';
    const indented = ONE.replaceAll(/^/gm, '  ').trimEnd();
    const expected = `local function wrapper()\n${indented}\n  return one(row[2])\nend\n`;
    expect(codeOf(`-- @use first\n${wrapper}return wrapper(row.message)`, preludes)).toBe(
      `${expected}return wrapper(row.message)`,
    );
    expect(codeOf(`-- @use first\n${wrapper}return wrapper(one)`, preludes)).toBe(
      `${ONE}${expected}return wrapper(one)`,
    );
  });
});
