import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { brokerKinds, type TestStore } from '../../support/brokers.ts';
import { HANDLERS } from './handlers.ts';
import { LIFECYCLE } from './lifecycle.ts';
import { createSetting } from './setting.ts';
import { SURROUNDINGS } from './surroundings.ts';

const CASES = [...HANDLERS, ...LIFECYCLE, ...SURROUNDINGS].map(
  (one) => [one.misuse, one.instead, one] as const,
);

describe.each(brokerKinds)('on $name', (kind) => {
  let store: TestStore;
  let broker: Broker;
  let warnings: string[];
  const onWarning = (warning: Error) => void warnings.push(`${warning.name}: ${warning.message}`);

  beforeAll(async () => {
    if (!kind.available) return;
    store = await kind.createStore();
    broker = await store.connect();
  });
  afterAll(async () => {
    if (kind.available) await store.remove();
  });
  beforeEach((context) => {
    if (!kind.available) return context.skip();
    warnings = [];
    process.on('warning', onWarning);
  });
  afterEach(() => {
    process.off('warning', onWarning);
  });

  // A promise that nobody handles, and an error that nobody catches, make the whole run fail.
  test.each(CASES)('%s: %s', async (_misuse, _instead, { check, warns }) => {
    const setting = createSetting(kind, store, broker);
    await check(setting);
    // The broker is as good as before, and so is the queue.
    await setting.worker().start();
    expect(await setting.run('good')).toMatchObject({ outcome: 'succeeded' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings.filter((text) => !(warns?.test(text) ?? false))).toEqual([]);
  });
});
