import { describe, expect, test } from 'vitest';
import { aTask, finish } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

describe.skipIf(!hasRedis())('a Redis that has lost its newest data', () => {
  const bed = redisBed();

  test('refuses the finish of an attempt that it has lost when another attempt is running', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await bed.ask('SAVE');
    const lost = await bed.takeOne();
    await bed.server.kill();
    await bed.server.restart();
    bed.advance(300);
    const task = await bed.takeOne();
    expect(await bed.broker.consume.extend([lost], 6_000)).toEqual([false]);
    expect((await bed.exchange({ finishes: [finish.succeeded(lost)] })).finished).toEqual(['lease-lost']);
    expect((await bed.exchange({ finishes: [finish.succeeded(task)] })).finished).toEqual(['accepted']);
  });
});
