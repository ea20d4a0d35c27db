import { describe, expect, test } from 'vitest';
import { PRESENCE_MS, type RunningTask, type ServerRecord } from '../../src/broker/presence.ts';
import type { Bench, Harness } from './harness.ts';

function aServer(bench: Bench, overrides: Partial<ServerRecord> = {}): ServerRecord {
  return {
    id: '3c0ffee0-0000-4000-8000-000000000001',
    host: 'häuschen.example',
    pid: 42,
    concurrency: 10,
    queues: { default: 1, 'orders~cb': 6 },
    strict: false,
    status: 'active',
    startedMs: bench.now() - 60_000,
    running: 0,
    tasks: [],
    ...overrides,
  };
}

function aRunningTask(bench: Bench, overrides: Partial<RunningTask> = {}): RunningTask {
  return {
    queue: 'default',
    id: 't1',
    type: 'test:run',
    payload: Buffer.from([0, 255]),
    startedMs: bench.now() - 5,
    deadlineMs: bench.now() + 60_000,
    ...overrides,
  };
}

const OTHER = '3c0ffee0-0000-4000-8000-000000000002';

/** All servers, sorted by ID. */
async function readServers({ broker }: Bench): Promise<ServerRecord[]> {
  return (await broker.presence.servers()).sort((a, b) => (a.id < b.id ? -1 : 1));
}

export function presenceSuite(harness: Harness): void {
  describe('presence', () => {
    test('no server is known at first', async () => {
      expect(await readServers(await harness.openBench())).toEqual([]);
    });

    test('a server is shown as it announced itself, with its tasks', async () => {
      const bench = await harness.openBench();
      const tasks = [
        aRunningTask(bench, { id: 'older', startedMs: bench.now() - 900, payload: null }),
        aRunningTask(bench, { id: 'newer', queue: 'orders~cb', deadlineMs: null }),
      ];
      const server = aServer(bench, { running: 2, tasks });
      await bench.broker.presence.announce(server);
      expect(await readServers(bench)).toEqual([server]);
    });

    test('servers are shown without their tasks where these are not wanted', async () => {
      const bench = await harness.openBench();
      const { presence } = bench.broker;
      const server = aServer(bench, { running: 1, tasks: [aRunningTask(bench)] });
      await presence.announce(server);
      expect(await presence.servers({ withTasks: false })).toEqual([{ ...server, tasks: [] }]);
    });

    test('each announcement replaces the one before', async () => {
      const bench = await harness.openBench();
      const { presence } = bench.broker;
      await presence.announce(aServer(bench, { running: 1, tasks: [aRunningTask(bench)] }));
      const later = aServer(bench, { status: 'closed', strict: true, queues: { low: 1 }, concurrency: 1 });
      await presence.announce(later);
      expect(await readServers(bench)).toEqual([later]);
    });

    test('each server has its own tasks', async () => {
      const bench = await harness.openBench();
      const one = aServer(bench, { running: 1, tasks: [aRunningTask(bench, { id: 'a' })] });
      const other = aServer(bench, { id: OTHER, running: 1, tasks: [aRunningTask(bench, { id: 'b' })] });
      await bench.broker.presence.announce(one);
      await bench.broker.presence.announce(other);
      expect(await readServers(bench)).toEqual([one, other]);
    });

    test('withdrawing a server removes only that one, and may be repeated', async () => {
      const bench = await harness.openBench();
      const { presence } = bench.broker;
      const [one, other] = [aServer(bench), aServer(bench, { id: OTHER })];
      await presence.announce(one);
      await presence.announce(other);
      await presence.withdraw(one);
      await presence.withdraw(one);
      expect(await readServers(bench)).toEqual([other]);
    });

    test('an announcement expires unless its server repeats it', async () => {
      const bench = await harness.openBench();
      const { presence } = bench.broker;
      const [silent, other] = [aServer(bench), aServer(bench, { id: OTHER })];
      await presence.announce(silent);
      await presence.announce(other);
      await bench.advance(PRESENCE_MS / 2);
      await presence.announce(other);
      expect(await readServers(bench)).toHaveLength(2);
      // As in Asynq, an announcement expires at a whole second and is still valid in that second.
      await bench.advance(PRESENCE_MS / 2 + 1_000);
      expect(await readServers(bench)).toEqual([other]);
    });

    test('a server may announce a thousand tasks with payloads', async () => {
      const bench = await harness.openBench();
      const payload = Buffer.alloc(1_024, 7);
      const tasks = Array.from({ length: 1_000 }, (_, i) =>
        aRunningTask(bench, { id: `t${i}`, payload, startedMs: bench.now() - 2_000 + i }),
      );
      const server = aServer(bench, { running: 1_200, tasks });
      await bench.broker.presence.announce(server);
      await bench.broker.presence.announce(server);
      expect(await readServers(bench)).toEqual([server]);
    });
  });
}
