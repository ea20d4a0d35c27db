import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { startProgram } from '../../packages/engine/test/support/program.ts';
import { startRedis } from '../../packages/engine/test/support/redis-server.ts';
import { item, until } from '../support/bed.ts';
import { startGoPeer } from '../support/go-peer.ts';

/** Folder of `programs/signals.mjs`. */
const FAULTS = new URL('../../packages/engine/test/faults/', import.meta.url).href;

describe('signals', () => {
  item('64 TSTP stops a worker from taking tasks; TERM and INT shut it down', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const server = await startRedis();
      const gate = join(tmpdir(), `gate-${process.pid}-${server.port}`);
      const program = startProgram(FAULTS, 'signals.mjs', server.url);
      const go = startGoPeer(server.port);
      onTestFinished(async () => {
        await Promise.all([go.kill(), program.kill(), rm(gate, { force: true })]);
        await server.stop();
      });
      const payload = JSON.stringify(gate);
      await go.enqueue({ queue: 'default', taskId: 'runs', payload });
      await program.waitForLine((line) => line === 'started runs');
      program.signal('SIGTSTP');
      await until(async () => {
        const servers = await go.inspect<{ status: string }[]>('servers');
        return servers.some(({ status }) => status === 'stopped');
      }, 50);
      await go.enqueue({ queue: 'default', taskId: 'waits', payload });
      // A worker that still took tasks would take this one within 1.25 s.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect((await go.task('default', 'runs')).state).toBe('active');
      await writeFile(gate, '');
      await program.waitForLine((line) => line === 'ended runs');
      program.signal(signal);
      await program.waitForLine((line) => line === 'stopped');
      await program.ended;
      expect((await go.task('default', 'waits')).state).toBe('pending');
    }
  });
});
