import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * Starts a peer in a program of its own, which measures itself. Each job is a line of JSON on its standard input; the answer is
 * a line `{"ok": …}` or `{"error": "text"}` on its standard output. The program exits when its standard input ends.
 *
 * @returns {import('./index.mjs').Open}
 */
export function openProgram(command, args, { cwd } = {}) {
  const program = spawn(command, args, { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = [];
  const ended = new Promise((resolve) => {
    const end = (reason) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`${command} ended: ${reason}`));
      resolve();
    };
    program.once('error', (error) => end(error.message));
    program.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
  });
  createInterface({ input: program.stdout }).on('line', (line) => {
    const { ok, error } = JSON.parse(line);
    const { resolve, reject } = waiting.shift();
    if (error === undefined) resolve(ok);
    else reject(new Error(`${command}: ${error}`));
  });
  program.stdin.on('error', () => {});
  return {
    measure(job) {
      const answer = new Promise((resolve, reject) => waiting.push({ resolve, reject }));
      program.stdin.write(`${JSON.stringify(job)}\n`);
      return answer;
    },
    close() {
      program.stdin.end();
      return ended;
    },
  };
}
