import { describe, expect } from 'vitest';
import { nextEvent } from '../../packages/engine/test/support/next-event.ts';
import { startProgram } from '../../packages/engine/test/support/program.ts';
import { interopBed, item, nowS, until, type Bed } from '../support/bed.ts';

/** Folder of `programs/worker.mjs`: a worker of ours in a process of its own, on the queue `default`. */
const FAULTS = new URL('../../packages/engine/test/faults/', import.meta.url).href;
const LEASE_EXPIRED = 'asynq: task lease expired';
const LIMIT_MS = 100_000;

/** A Go server is killed: our recoverer waits until 30 s after the lease, then acts as Go's does. */
async function testKilledGoServer(bed: Bed): Promise<void> {
  const queue = bed.queue();
  const go = bed.go();
  const { worker, events } = bed.worker({ queues: [queue] });
  worker.handle('x', () => 'ours');
  await go.enqueue({ queue, taskId: 'a', retentionMs: 600_000 });
  await go.serve({ queues: { [queue]: 1 }, behaviours: { x: { do: 'block' } } });
  await go.saw('started', 'a');
  const recovered = nextEvent(events, 'tasks.recovered');
  const end = nextEvent(events, 'attempt.finished');
  await worker.start();
  await go.kill();
  const leaseS = (await bed.score(queue, 'lease', 'a')) ?? 0;
  expect(await recovered).toMatchObject({ recovered: 1, archived: 0 });
  const lateS = Date.now() / 1_000 - leaseS;
  expect(lateS).toBeGreaterThanOrEqual(30);
  expect(lateS).toBeLessThan(35);
  const other = bed.go();
  const lost = await other.task(queue, 'a');
  expect(lost).toMatchObject({ state: 'retry', retried: 1, lastErr: LEASE_EXPIRED });
  expect(lost.nextProcessAtMs - Date.now()).toBeGreaterThan(12_000);
  expect(lost.nextProcessAtMs - Date.now()).toBeLessThan(45_000);
  expect(await bed.counters(queue)).toEqual({ processed: 1, failed: 1 });
  await other.inspect('run', { queue, task: 'a' });
  expect(await end).toMatchObject({ outcome: 'succeeded', task: { id: 'a' } });
  expect(await bed.counters(queue)).toEqual({ processed: 2, failed: 1 });
}

/** A worker of ours is killed: Go's recoverer waits until 30 s after the lease, too. */
async function testOurKilledWorker(bed: Bed): Promise<void> {
  await bed.client.enqueue('x', null, { id: 'b', retention: '10m' });
  const victim = startProgram(FAULTS, 'worker.mjs', bed.redis.url, 'hold');
  await victim.waitForLine((line) => line === 'started b');
  await victim.kill();
  const leaseS = (await bed.score('default', 'lease', 'b')) ?? 0;
  const go = bed.go();
  await until(() => Promise.resolve(nowS() > leaseS + 30), 200);
  expect(await go.task('default', 'b')).toMatchObject({ state: 'active', retried: 0 });
  // Go looks for lost tasks when it starts, then every minute.
  await go.serve({ queues: { default: 1 }, retryDelayMs: 0 });
  expect(await go.saw('started', 'b')).toMatchObject({ retried: 1 });
  await until(async () => (await go.task('default', 'b')).state === 'completed');
  expect(await go.task('default', 'b')).toMatchObject({
    retried: 1,
    lastErr: LEASE_EXPIRED,
  });
  expect(await bed.counters('default')).toEqual({ processed: 2, failed: 1 });
}

/** In a file of its own, as it takes a minute. */
describe('recovery', () => {
  const bed = interopBed();

  item(
    '54 both: a server is killed in the middle of a task, and the other side runs it 30 s after its lease',
    async () => {
      await Promise.all([testKilledGoServer(bed), testOurKilledWorker(bed)]);
    },
    LIMIT_MS,
  );
});
