import { describe, expect, test } from 'vitest';
import { Lifetime, type BrokerEnd } from './lifetime.ts';
import { silentLog } from './log.ts';

const idle: BrokerEnd = { isIdle: () => true, isOutOfReach: () => false, close: async () => {} };

describe('the lifetime of a broker', () => {
  test('ends although something that runs on it fails to stop, and says so', async () => {
    const errors: string[] = [];
    const log = { ...silentLog, error: (_: object, message: string) => void errors.push(message) };
    const lifetime = new Lifetime('b', log);
    let isClosed = false;
    lifetime.add({ stop: () => Promise.reject(new Error('no')) });
    await lifetime.end({ ...idle, close: async () => void (isClosed = true) });
    expect(isClosed).toBe(true);
    expect(errors).toEqual([expect.stringContaining('failed to stop')]);
  });

  test('waits for what is between two calls, and for the calls that follow it', async () => {
    const lifetime = new Lifetime('b', silentLog);
    const order: string[] = [];
    let isBusy = false;
    let check = () => {};
    const checked = new Promise<void>((resolve) => (check = resolve));
    const work = lifetime.track(
      checked.then(async () => {
        isBusy = true;
        await new Promise(setImmediate);
        order.push('called');
        isBusy = false;
      }),
    );
    const ended = lifetime.end({
      ...idle,
      isIdle: () => !isBusy,
      close: async () => void order.push('closed'),
    });
    check();
    await Promise.all([work, ended]);
    expect(order).toEqual(['called', 'closed']);
  });

  test('does not wait long for a broker that is out of reach', async () => {
    const startedMs = performance.now();
    await new Lifetime('b', silentLog).end({ ...idle, isIdle: () => false, isOutOfReach: () => true });
    expect(performance.now() - startedMs).toBeLessThan(4_500);
  });
});
