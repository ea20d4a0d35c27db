import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Something that strace does to a running process. */
export interface Tampering {
  /** Ends it; the process goes on as before. */
  stop(): Promise<void>;
}

/**
 * Makes system calls of a process and its threads slow or fail, from now on. Rules are those of `strace -e inject=…`,
 * such as `fdatasync:delay_enter=3s` or `fdatasync:error=EIO`. Resolves when it is in force. Whoever kills the process
 * has to stop this too: until then a dead process that waits in such a call keeps its port.
 */
export async function tamper(pid: number, ...rules: readonly string[]): Promise<Tampering> {
  const calls = rules.map((rule) => rule.split(':', 1)[0]).join(',');
  const injections = rules.flatMap((rule) => ['-e', `inject=${rule}`]);
  const args = ['-f', '-p', String(pid), '-e', `trace=${calls}`, ...injections];
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const gone = new Promise<void>((resolve) => strace.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const said: string[] = [];
    strace.once('error', reject);
    strace.once('close', () => reject(new Error(`strace ended: ${said.join(' | ')}`)));
    createInterface({ input: strace.stderr }).on('line', (line) => {
      said.push(line);
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
