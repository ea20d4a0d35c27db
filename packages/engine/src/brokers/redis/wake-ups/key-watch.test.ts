import { describe, expect, test } from 'vitest';
import { settle } from '../../../../test/support/fake-clock.ts';
import { systemClock } from '../../../runtime/clock.ts';
import type { Connection } from '../client/connection.ts';
import { KeyWatch } from './key-watch.ts';

/** A connection whose replies the test gives, in the order of the reads. */
function fakeConnection() {
  const reads: { command: readonly unknown[]; resolve(reply: unknown): void; reject(error: Error): void }[] =
    [];
  const connection: Pick<Connection, 'send'> = {
    send: (command) => new Promise((resolve, reject) => reads.push({ command, resolve, reject })),
  };
  return { connection, reads };
}

function setUp(next: (state: number) => number | null = () => null, isClustered = false) {
  const fake = fakeConnection();
  let connection: Pick<Connection, 'send'> | null = fake.connection;
  let connects = 0;
  const watch = new KeyWatch<number>(
    {
      keys: (queue) => [`key:${queue}`],
      reads: (queue) => [['GET', queue]],
      state: ([n]) => n as number,
      none: 0,
      next,
    },
    { isClustered, clock: systemClock, connection: () => connection, connect: () => (connects += 1) },
  );
  const wait = (...queues: readonly string[]) => {
    const waiter = { isOver: false };
    void watch
      .wait({ queues, wakes: (_, n) => n > 0 }, new AbortController().signal)
      .then(() => (waiter.isOver = true));
    return waiter;
  };
  return {
    watch,
    wait,
    reads: fake.reads,
    connects: () => connects,
    lose: () => (connection = null),
    renew() {
      const newFake = fakeConnection();
      connection = newFake.connection;
      watch.rearm();
      return newFake.reads;
    },
  };
}

test('a change that is announced before the reply to the read was handled is not lost', async () => {
  const { watch, wait, reads } = setUp();
  const waiter = wait('q');
  reads[0]?.resolve(0);
  // In one chunk from the socket, the invalidation is handled before the reply's promise.
  watch.invalidate('key:q');
  await settle();
  expect(reads).toHaveLength(2);
  reads[1]?.resolve(1);
  await settle();
  expect(waiter.isOver).toBe(true);
});

test('a change is read once, and not at all when nobody waits', async () => {
  const { watch, wait, reads } = setUp();
  const waiter = wait('q');
  reads[0]?.resolve(0);
  await settle();
  watch.invalidate('key:q');
  watch.invalidate('key:q');
  await settle();
  expect(reads).toHaveLength(2);
  reads[1]?.resolve(1);
  await settle();
  expect(waiter.isOver).toBe(true);
  watch.invalidate('key:q');
  watch.invalidate('key:other');
  await settle();
  expect(reads).toHaveLength(2);
});

test('a change to a certain state wakes without a read, but only once the watch is armed', async () => {
  const { watch, wait, reads } = setUp((n) => (n === 0 ? 1 : null));
  const waiter = wait('q');
  watch.invalidate('key:q');
  reads[0]?.resolve(0);
  await settle();
  expect(waiter.isOver).toBe(false);
  reads[1]?.resolve(0);
  await settle();
  watch.invalidate('key:q');
  await settle();
  expect(waiter.isOver).toBe(true);
  expect(reads).toHaveLength(2);
});

test('an armed state is read again for a new waiter only if it would wake it', async () => {
  const { wait, reads } = setUp();
  wait('q');
  reads[0]?.resolve(0);
  await settle();
  wait('q');
  expect(reads).toHaveLength(1);
  const busy = wait('busy');
  reads[1]?.resolve(1);
  await settle();
  expect(busy.isOver).toBe(true);
  const again = wait('busy');
  expect(reads).toHaveLength(3);
  reads[2]?.resolve(0);
  await settle();
  expect(again.isOver).toBe(false);
});

test('a lost connection is replaced, and the new one reads every queue with waiters', async () => {
  const { wait, reads, connects, lose, renew } = setUp();
  const waiter = wait('q');
  lose();
  reads[0]?.reject(new Error('lost'));
  await settle();
  const other = wait('r');
  expect(connects()).toBe(1);
  const newReads = renew();
  expect(newReads).toHaveLength(2);
  for (const { resolve } of newReads) resolve(1);
  await settle();
  expect([waiter.isOver, other.isOver]).toEqual([true, true]);
});

test('a read on an old connection that fails late does not disturb the new one', async () => {
  const { watch, wait, reads, renew } = setUp();
  const waiter = wait('q');
  const newReads = renew();
  reads[0]?.reject(new Error('lost'));
  await settle();
  newReads[0]?.resolve(0);
  await settle();
  watch.invalidate(null);
  await settle();
  expect(newReads).toHaveLength(2);
  newReads[1]?.resolve(1);
  await settle();
  expect(waiter.isOver).toBe(true);
});

describe('many queues', () => {
  const queues = Array.from({ length: 150 }, (_, i) => `q${i}`);
  const keys = queues.map((queue) => `key:${queue}`);

  test('are read by few commands while they have nothing, and each of them wakes', async () => {
    const { watch, wait, reads } = setUp();
    const waiter = wait(...queues);
    expect(reads.map(({ command }) => command)).toEqual([
      ['EXISTS', ...keys.slice(0, 128)],
      ['EXISTS', ...keys.slice(128)],
    ]);
    for (const { resolve } of reads) resolve(0);
    await settle();
    wait(...queues);
    expect(reads).toHaveLength(2);
    watch.invalidate('key:q149');
    expect(reads[2]?.command).toEqual(['GET', 'q149']);
    reads[2]?.resolve(1);
    await settle();
    expect(waiter.isOver).toBe(true);
  });

  test('are read one by one if one of them has something', async () => {
    const { wait, reads } = setUp();
    const waiter = wait(...queues);
    reads[0]?.resolve(0);
    reads[1]?.resolve(1);
    await settle();
    expect(reads.slice(2).map(({ command }) => command)).toEqual(
      queues.slice(128).map((queue) => ['GET', queue]),
    );
    reads[2]?.resolve(0);
    reads[3]?.resolve(1);
    await settle();
    expect(waiter.isOver).toBe(true);
  });

  test('a change that is announced before the reply is not lost', async () => {
    const { watch, wait, reads } = setUp();
    const waiter = wait(...queues);
    watch.invalidate('key:q5');
    for (const { resolve } of reads) resolve(0);
    await settle();
    expect(reads.slice(2).map(({ command }) => command)).toEqual([['GET', 'q5']]);
    reads[2]?.resolve(1);
    await settle();
    expect(waiter.isOver).toBe(true);
  });

  test('are read again on a new connection', async () => {
    const { wait, reads, lose, renew } = setUp();
    const waiter = wait(...queues);
    lose();
    for (const { reject } of reads) reject(new Error('lost'));
    await settle();
    const newReads = renew();
    expect(newReads).toHaveLength(2);
    newReads[0]?.resolve(2);
    await settle();
    newReads[2]?.resolve(1);
    await settle();
    expect(waiter.isOver).toBe(true);
  });

  test('of a cluster are read one by one', () => {
    const { wait, reads } = setUp(() => null, true);
    wait(...queues);
    expect(reads).toHaveLength(150);
  });
});
