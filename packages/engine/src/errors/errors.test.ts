import { describe, expect, test } from 'vitest';
import { codes } from './codes.ts';
import { HandlerError, NonRetryableError } from './handler-errors.ts';
import { isTaskCenterError, shown, shownUrl, TaskCenterError } from './task-center-error.ts';

describe('a TaskCenterError', () => {
  test('says what was wrong and what to do', () => {
    const error = new TaskCenterError('task-exists', { id: 'a', queue: 'default' });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'TaskCenterError',
      code: 'task-exists',
      details: { id: 'a', queue: 'default' },
      message: 'Task "a" already exists in queue "default".',
      fix: 'Choose another ID, or leave it out to get a new one.',
    });
  });

  test('keeps its cause', () => {
    const cause = new Error('socket closed');
    const details = { broker: 'redis://h', outcome: 'unknown', cause: 'no answer' } as const;
    expect(new TaskCenterError('broker-unavailable', details, { cause }).cause).toBe(cause);
  });

  test('is recognised by its code', () => {
    const error: unknown = new TaskCenterError('task-not-found', { id: 'a', queue: 'q' });
    expect(isTaskCenterError(error, 'task-not-found')).toBe(true);
    expect(isTaskCenterError(error, 'task-exists')).toBe(false);
    expect(isTaskCenterError(new Error('x'), 'task-exists')).toBe(false);
    expect(isTaskCenterError(undefined, 'task-exists')).toBe(false);
  });

  test('says of an unreachable broker whether something may have been stored', () => {
    const text = (outcome: 'not_stored' | 'unknown') =>
      codes['broker-unavailable']({ broker: 'b', outcome, cause: 'c' }).fix;
    expect(text('not_stored')).toContain('Nothing was stored');
    expect(text('unknown')).toContain('unknown');
  });

  test('has a code in kebab-case', () => {
    for (const code of Object.keys(codes)) expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });
});

describe('a value in an error', () => {
  test('is quoted, shortened and free of control characters', () => {
    expect(shown('a\n\u001b[31m"')).toBe('"a\\n\\u001b[31m\\""');
    expect(shown(5)).toBe('5');
    expect(shown(undefined)).toBe('undefined');
    expect(shown('x'.repeat(1_000))).toHaveLength(65);
  });

  test('may be of any type', () => {
    expect(shown(Object.create(null))).toBeTypeOf('string');
    expect(shown(Symbol('s'))).toBe('Symbol(s)');
    expect(shown(['\u001b[31m'])).not.toContain('\u001b');
    expect(shown('\u009b31m\u202e')).not.toMatch(/[\u009b\u202e]/);
  });
});

describe('an error that a handler throws', () => {
  test('carries its hints and its cause', () => {
    const cause = new Error('deeper');
    const error = new HandlerError('busy', { retryAfter: '5s' }, { cause });
    expect(error).toMatchObject({ name: 'HandlerError', message: 'busy', hints: { retryAfterMs: 5_000 } });
    expect(error.cause).toBe(cause);
    expect(new HandlerError('x').hints).toEqual({});
  });

  test('may rule out a retry', () => {
    expect(new NonRetryableError('bad input')).toMatchObject({
      name: 'NonRetryableError',
      hints: { retryable: false },
    });
  });
});

test.each(['foo://me:secret@h', 'foo://h?password=secret&db=1', 'foo://h/me:secret@b', 'password=secret'])(
  'a URL is shown without its logins: %s',
  (url) => expect(shownUrl(url)).not.toContain('secret'),
);
