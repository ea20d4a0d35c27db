import { expect, test } from 'vitest';
import { settle } from '../../../test/support/fake-clock.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Link } from './link.ts';
import { Watch } from './watch.ts';

/** A link whose replies the test gives, in order. */
function fakeLink() {
  const asked: { resolve(reply: unknown): void; reject(error: Error): void }[] = [];
  const link: Link = {
    send: () => new Promise((resolve, reject) => asked.push({ resolve, reject })),
    subscribe: () => Promise.resolve(),
    lost: false,
    destroy() {},
  };
  return { link, asked };
}

function setUp(after: (state: number) => number | null = () => null) {
  const fake = fakeLink();
  let link: Link | null = fake.link;
  let wants = 0;
  const watch = new Watch<number>(
    {
      keys: (queue) => [`key:${queue}`],
      reads: (queue) => [['GET', queue]],
      state: ([n]) => n as number,
      next: after,
    },
    { clock: systemClock, link: () => link, want: () => (wants += 1) },
  );
  const wait = (queue: string) => {
    const one = { over: false };
    void watch
      .wait({ queues: [queue], wakes: (_, n) => n > 0 }, new AbortController().signal)
      .then(() => (one.over = true));
    return one;
  };
  return {
    watch,
    wait,
    asked: fake.asked,
    wants: () => wants,
    lose: () => (link = null),
    renew() {
      const next = fakeLink();
      link = next.link;
      watch.rearm();
      return next.asked;
    },
  };
}

test('a change told before the reply to the read was handled is not lost', async () => {
  const { watch, wait, asked } = setUp();
  const one = wait('q');
  asked[0]?.resolve(0);
  // In the same chunk from the socket, the message is handled before the reply's promise.
  watch.invalidate('key:q');
  await settle();
  expect(asked).toHaveLength(2);
  asked[1]?.resolve(1);
  await settle();
  expect(one.over).toBe(true);
});

test('a change is read once, and not at all when nobody waits', async () => {
  const { watch, wait, asked } = setUp();
  const one = wait('q');
  asked[0]?.resolve(0);
  await settle();
  watch.invalidate('key:q');
  watch.invalidate('key:q');
  await settle();
  expect(asked).toHaveLength(2);
  asked[1]?.resolve(1);
  await settle();
  expect(one.over).toBe(true);
  watch.invalidate('key:q');
  watch.invalidate('key:other');
  await settle();
  expect(asked).toHaveLength(2);
});

test('a change that leaves no doubt wakes without a read, but only once it is armed', async () => {
  const { watch, wait, asked } = setUp((n) => (n === 0 ? 1 : null));
  const one = wait('q');
  watch.invalidate('key:q');
  asked[0]?.resolve(0);
  await settle();
  expect(one.over).toBe(false);
  asked[1]?.resolve(0);
  await settle();
  watch.invalidate('key:q');
  await settle();
  expect(one.over).toBe(true);
  expect(asked).toHaveLength(2);
});

test('an armed state that wakes nobody is not read again; one that would wake is', async () => {
  const { wait, asked } = setUp();
  wait('q');
  asked[0]?.resolve(0);
  await settle();
  wait('q');
  expect(asked).toHaveLength(1);
  const busy = wait('busy');
  asked[1]?.resolve(1);
  await settle();
  expect(busy.over).toBe(true);
  const again = wait('busy');
  expect(asked).toHaveLength(3);
  asked[2]?.resolve(0);
  await settle();
  expect(again.over).toBe(false);
});

test('a lost link asks for another, which reads everything that is waited for', async () => {
  const { wait, asked, wants, lose, renew } = setUp();
  const one = wait('q');
  lose();
  asked[0]?.reject(new Error('lost'));
  await settle();
  const two = wait('r');
  expect(wants()).toBe(1);
  const next = renew();
  expect(next).toHaveLength(2);
  for (const { resolve } of next) resolve(1);
  await settle();
  expect([one.over, two.over]).toEqual([true, true]);
});

test('the late end of a read on an old link does not touch the new one', async () => {
  const { watch, wait, asked, renew } = setUp();
  const one = wait('q');
  const next = renew();
  asked[0]?.reject(new Error('lost'));
  await settle();
  next[0]?.resolve(0);
  await settle();
  watch.invalidate(null);
  await settle();
  expect(next).toHaveLength(2);
  next[1]?.resolve(1);
  await settle();
  expect(one.over).toBe(true);
});
