// What lives in the process alone does not depend on a wall clock that may be set.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { PRESENCE_MS, type ServerRecord } from '../../../src/broker/presence.ts';
import { connectSqlite } from '../../../src/brokers/sqlite/sqlite-broker.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { tempFolder, type TempFolder } from '../../support/temp.ts';

const HOUR_MS = 3_600_000;
const SERVER: ServerRecord = {
  id: 'a',
  host: 'h',
  pid: 1,
  concurrency: 1,
  queues: {},
  strict: false,
  status: 'active',
  startedMs: null,
  running: 0,
  tasks: [],
};

describe.each([HOUR_MS, -HOUR_MS])('when the clock is set by %i ms', (stepMs) => {
  let clock: FakeClock;
  let folder: TempFolder;
  let broker: Broker;

  beforeEach(async () => {
    clock = createFakeClock();
    folder = await tempFolder();
    broker = await connectSqlite({ path: folder.file('a.db'), runtime: { clock } });
  });
  afterEach(async () => {
    await broker.close();
    await folder.remove();
  });

  test('a worker that is alive stays listed, and one that is silent does not', async () => {
    await broker.presence.announce(SERVER);
    clock.step(stepMs);
    expect(await broker.presence.servers()).toHaveLength(1);
    clock.skip(PRESENCE_MS + 1);
    expect(await broker.presence.servers()).toEqual([]);
  });

  test('a token of a semaphore stays with its holder, and no longer than its time', async () => {
    const token = { scope: 's', maxTokens: 1, untilMs: clock.wallMs() + 60_000 };
    expect(await broker.semaphores.acquire({ ...token, holder: 'first' })).toBe(true);
    clock.step(stepMs);
    expect(await broker.semaphores.acquire({ ...token, holder: 'second' })).toBe(false);
    clock.skip(61_000);
    expect(await broker.semaphores.acquire({ ...token, holder: 'second' })).toBe(true);
  });
});
