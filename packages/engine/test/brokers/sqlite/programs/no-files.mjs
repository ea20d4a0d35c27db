// `node no-files.mjs <file>`: opens the file, then all files that the process may open, and closes them after 2.5 s. Enqueues a
// task meanwhile, and prints its outcome and the findings.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { connect } from '../../../../dist/index.js';
import { aTask } from './task.mjs';

const [, , path] = process.argv;
const broker = await connect(`sqlite:${path}`);
const limit = readdirSync('/proc/self/fd').length + 20;
execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${limit}:`]);
const files = [];
try {
  for (;;) files.push(openSync('/dev/null'));
} catch {
  // No more can be opened.
}
await new Promise((resolve) => setTimeout(resolve, 2_500));
const outcome = await broker.submit.enqueue([aTask({ id: 'a', type: 'a' })]).then(
  ([{ code }]) => code,
  ({ code }) => code,
);
console.log(outcome, JSON.stringify(broker.findings.current()));
files.forEach((file) => closeSync(file));
await broker.close();
