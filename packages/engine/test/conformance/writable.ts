import { describe, expect, test } from 'vitest';
import { aTask } from '../support/factories.ts';
import type { Harness } from './harness.ts';

/** Whether a broker says that it takes tasks. What it says when it does not depends on the kind of broker: see the tests of each. */
export function writableSuite(harness: Harness): void {
  describe('whether it takes tasks', () => {
    test('is answered, and leaves nothing behind', async () => {
      const { broker } = await harness.openBench();
      await broker.submit.enqueue([aTask()]);
      const before = await broker.inspect.queueFacts(['default']);
      await Promise.all([broker.checkWritable(), broker.checkWritable()]);
      expect(await broker.inspect.queueFacts(['default'])).toEqual(before);
      expect(await broker.inspect.queues()).toEqual(['default']);
    });

    test('is not answered by a closed broker', async () => {
      const { broker } = await harness.openBench();
      await broker.close();
      await expect(broker.checkWritable()).rejects.toMatchObject({ code: 'broker-closed' });
    });
  });
}
