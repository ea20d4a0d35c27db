import { describe, expect, test } from 'vitest';
import { aTask, finish } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

describe.skipIf(!hasRedis())('a Redis that has forgotten the newest of its data', () => {
  const bed = redisBed();

  test('refuses the end of an attempt that it has forgotten, whoever runs the task now', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q' })]);
    await bed.ask('SAVE');
    const forgotten = await bed.takeOne();
    await bed.server.kill();
    await bed.server.restart();
    bed.advance(300);
    const task = await bed.takeOne();
    expect(await bed.broker.consume.extend([forgotten], 6_000)).toEqual([false]);
    expect((await bed.exchange({ finishes: [finish.succeeded(forgotten)] })).finished).toEqual([
      'lease-lost',
    ]);
    expect((await bed.exchange({ finishes: [finish.succeeded(task)] })).finished).toEqual(['accepted']);
  });
});
