import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Faults that strace injects into a running process. */
export interface Tampering {
  /** Ends the injection; the process continues normally. */
  stop(): Promise<void>;
}

/**
 * Makes system calls of a process and its threads slow or fail. Resolves when the injection is active. A test that kills
 * the process must stop the injection, too: until then a dead process that waits in such a call keeps its port.
 *
 * @param rules those of `strace -e inject=…`, such as `fdatasync:delay_enter=3s` or `fdatasync:error=EIO`
 */
export async function tamper(pid: number, ...rules: readonly string[]): Promise<Tampering> {
  const calls = rules.map((rule) => rule.split(':', 1)[0]).join(',');
  const injections = rules.flatMap((rule) => ['-e', `inject=${rule}`]);
  const args = ['-f', '-p', String(pid), '-e', `trace=${calls}`, ...injections];
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const gone = new Promise<void>((resolve) => strace.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const output: string[] = [];
    strace.once('error', reject);
    strace.once('close', () => reject(new Error(`strace ended: ${output.join(' | ')}`)));
    createInterface({ input: strace.stderr }).on('line', (line) => {
      output.push(line);
      if (/attached/.test(line)) resolve();
    });
  });
  return {
    async stop() {
      strace.kill('SIGKILL');
      await gone;
    },
  };
}
