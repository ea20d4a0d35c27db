import { describe, expect, test } from 'vitest';
import { Inspector } from '../../src/inspector/inspector.ts';
import { aTask } from '../support/factories.ts';
import { tempFolder } from '../support/temp.ts';
import { businessesSuite } from './businesses.ts';
import { cancelRunningSuite } from './cancel-running.ts';
import { changeSuite } from './change-many.ts';
import { checkSuite } from './check.ts';
import { claimsSuite } from './claims.ts';
import { consumeSuite } from './consume.ts';
import { controlSuite } from './control.ts';
import { documentsSuite } from './documents.ts';
import { exchange, type Harness } from './harness.ts';
import { historySuite } from './history.ts';
import { inspectSuite } from './inspect.ts';
import { maintainSuite } from './maintain.ts';
import { manyQueuesSuite } from './many-queues.ts';
import { notesSuite } from './notes.ts';
import { presenceSuite } from './presence.ts';
import { semaphoresSuite } from './semaphores.ts';
import { firesSuite } from './schedules-fires.ts';
import { fireHistorySuite } from './schedules-history.ts';
import { schedulesSuite } from './schedules.ts';
import { scheduleLooksSuite } from './schedules-looks.ts';
import { schedulerEntriesSuite } from './scheduler-entries.ts';
import { signalsSuite } from './signals.ts';
import { taskEndsSuite } from './task-ends.ts';
import { aggregationSuite } from './aggregation.ts';
import { failedSetSuite } from './failed-sets.ts';
import { groupsSuite } from './groups.ts';
import { submitSuite } from './submit.ts';
import { totalsSuite } from './totals.ts';
import { uniqueSuite } from './unique.ts';
import { writableSuite } from './writable.ts';

function lifecycleSuite(harness: Harness): void {
  describe('lifecycle', () => {
    test('a broker answers a ping', async () => {
      const { broker } = await harness.openBench();
      await broker.ping();
      expect(broker.name).not.toBe('');
    });

    test('a closed broker refuses calls, and may be closed again', async () => {
      const bench = await harness.openBench();
      await bench.broker.close();
      await bench.broker.close();
      const closed = { code: 'broker-closed' };
      await expect(bench.broker.ping()).rejects.toMatchObject(closed);
      await expect(bench.broker.submit.enqueue([aTask()])).rejects.toMatchObject(closed);
      await expect(exchange(bench)).rejects.toMatchObject(closed);
      await expect(bench.broker.inspect.queues()).rejects.toMatchObject(closed);
      await expect(bench.broker.presence.servers()).rejects.toMatchObject(closed);
      await expect(bench.broker.schedulerEntries.entries()).rejects.toMatchObject(closed);
      const claim = { holder: 'a', token: 1, ttlMs: 1_000 };
      for (const call of ['take', 'renew', 'release'] as const)
        await expect(bench.broker.claims[call]('work', claim)).rejects.toMatchObject(closed);
    });

    test('the key of cursors is made once for all callers', async () => {
      const { broker } = await harness.openBench();
      const keys = await Promise.all(Array.from({ length: 5 }, () => broker.cursorKey()));
      expect(keys[0]).toHaveLength(32);
      expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
    });

    test('a broker is copied, or says what to do instead', async () => {
      const { broker } = await harness.openBench();
      const folder = await tempFolder();
      const copying = new Inspector(broker).backup(folder.file('copy.db'));
      if (broker.backup) await expect(copying).resolves.toMatchObject({ path: folder.file('copy.db') });
      else
        await expect(copying).rejects.toMatchObject({
          code: 'not-supported',
          fix: expect.stringContaining('BGSAVE'),
        });
      await folder.remove();
    });

    test('waits end when the broker is closed', async () => {
      const { broker } = await harness.openBench();
      const { signal } = new AbortController();
      const waits = [
        broker.signals.waitForWork(['default'], signal),
        broker.signals.waitForBacklog(['default'], signal),
        broker.signals.waitForDue([{ queue: 'default', nextDueMs: null }], signal),
      ];
      await broker.ping();
      await broker.close();
      await Promise.all(waits);
    });
  });
}

/** What every broker promises. A new promise gets its test here first. */
export function brokerSuite(harness: Harness): void {
  describe(`the ${harness.name} broker`, () => {
    lifecycleSuite(harness);
    writableSuite(harness);
    submitSuite(harness);
    uniqueSuite(harness);
    groupsSuite(harness);
    aggregationSuite(harness);
    failedSetSuite(harness);
    consumeSuite(harness);
    maintainSuite(harness);
    manyQueuesSuite(harness);
    checkSuite(harness);
    controlSuite(harness);
    cancelRunningSuite(harness);
    changeSuite(harness);
    inspectSuite(harness);
    businessesSuite(harness);
    presenceSuite(harness);
    schedulerEntriesSuite(harness);
    documentsSuite(harness);
    semaphoresSuite(harness);
    claimsSuite(harness);
    historySuite(harness);
    signalsSuite(harness);
    taskEndsSuite(harness);
    notesSuite(harness);
    totalsSuite(harness);
    if (!harness.keepsSchedules) return;
    schedulesSuite(harness);
    scheduleLooksSuite(harness);
    firesSuite(harness);
    fireHistorySuite(harness);
  });
}
