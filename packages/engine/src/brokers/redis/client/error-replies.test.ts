import { expect, test } from 'vitest';
import { causeOf, refusalError, errorActionOf } from './error-replies.ts';

test.each([
  ['LOADING Redis is loading the dataset in memory', 'wait'],
  ['BUSY Redis is busy running a script.', 'wait'],
  ["READONLY You can't write against a read only replica. script: 1f, on @user_script:1.", 'wait'],
  ['MASTERDOWN Link with MASTER is down', 'wait'],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'wait'],
  ['CLUSTERDOWN The cluster is down', 'wait'],
  ['MISCONF Errors writing to the AOF file: No space left on device', 'wait'],
  ['ERR max number of clients reached', 'wait'],
  ['NOSCRIPT No matching script.', 'send-text'],
  ["OOM command not allowed when used memory > 'maxmemory'. script: 1f, on @user_script:3.", 'full'],
  ['NOAUTH Authentication required.', 'refused'],
  ['WRONGPASS invalid username-password pair', 'refused'],
  ['NOPERM this user has no permissions', 'refused'],
  ['ERR the document is damaged', 'refused'],
  ['constructor of nothing', 'refused'],
  ['', 'refused'],
])('the error reply "%s" asks for the action %s', (message, action) => {
  expect(errorActionOf(new Error(message))).toBe(action);
});

test('the error of a refused call quotes Redis in one line', () => {
  const error = refusalError('redis://h:1', new Error('ERR no\nsuch thing'));
  expect(error).toMatchObject({ code: 'broker-refused', message: expect.stringContaining('ERR no.') });
  expect(refusalError('redis://h:1', new Error('OOM no'))).toMatchObject({ code: 'broker-full' });
});

test('the cause of a failure on several addresses is that of the first one', () => {
  const errors = [new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')];
  expect(causeOf(new AggregateError(errors))).toBe('connect ECONNREFUSED ::1:1');
});
