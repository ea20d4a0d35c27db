// Uses up the file descriptors that it was started with, then looks names up and connects. Prints the codes of the errors.
import { closeSync, openSync } from 'node:fs';
import { systemClock } from '../../../dist/runtime/clock.js';
import { dial } from '../../../dist/runtime/dial.js';

const codeOf = async (host) => {
  try {
    (await dial({ host, port: 1, clock: systemClock, signal: AbortSignal.timeout(5_000) })).destroy();
    return 'connected';
  } catch (error) {
    return error.code;
  }
};
// Node opens some of its own at the first lookup and the first connection.
const before = [await codeOf('localhost'), await codeOf('127.0.0.1')];
const opened = [];
try {
  for (;;) opened.push(openSync('/dev/null', 'r'));
} catch {
  // None are left.
}
const without = [await codeOf('localhost'), await codeOf('no-such-name.invalid'), await codeOf('127.0.0.1')];
// A lookup that has some, but too few, says that the name server does not answer.
const few = [];
for (let left = 1; left <= 2; left += 1) {
  closeSync(opened.pop());
  few.push(await codeOf('no-such-name.invalid'));
}
for (const descriptor of opened) closeSync(descriptor);
const after = [await codeOf('localhost'), await codeOf('127.0.0.1')];
console.log(JSON.stringify({ before, without, few, after }));
