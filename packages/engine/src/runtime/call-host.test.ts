import { expect, test } from 'vitest';
import { callHost } from './call-host.ts';

const fault = new Error('a fault of the host');
const fail = (): never => {
  throw fault;
};
const unreadable = new Proxy({}, { get: fail });
const rejecting = (_: unknown, reject: (error: Error) => void) => reject(fault);
// eslint-disable-next-line unicorn/no-thenable
const thenable = (then: unknown) => ({ then });

test.each<[string, () => unknown]>([
  ['throws', fail],
  ['rejects', () => Promise.reject(fault)],
  ['returns a thenable that rejects', () => thenable(rejecting)],
  ['returns a thenable that throws', () => thenable(fail)],
  ['returns what cannot be read', () => unreadable],
])('the error of a function that %s is told once, and its caller goes on', async (_, call) => {
  const told: unknown[] = [];
  callHost(call, (error) => told.push(error));
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual([fault]);
});

test.each([undefined, null, 7, 'text', {}, Promise.resolve(1)])('nothing is told of %j', async (returned) => {
  const told: unknown[] = [];
  callHost(
    () => returned,
    (error) => told.push(error),
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual([]);
});
