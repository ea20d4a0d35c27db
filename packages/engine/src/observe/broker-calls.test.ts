import { describe, expect, test } from 'vitest';
import type { Broker } from '../broker/broker.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { Events } from '../runtime/events.ts';
import { observedBroker } from './broker-calls.ts';

const outOfReach = () =>
  new TaskCenterError('broker-unavailable', { broker: 'redis://x', outcome: 'unknown', cause: 'no answer' });

/** A broker whose every call ends as `end` says, and whose clock moves by 5 ms with each reading. */
function aBroker(end: (options?: { signal?: AbortSignal }) => Promise<unknown>) {
  const events = new Events();
  let nowMs = 0;
  const clock = { monotonicMs: () => (nowMs += 5) };
  const facet = {
    enqueue: (_: unknown, options?: { signal?: AbortSignal }) => end(options),
    isKnown: () => true,
  };
  const facets = new Proxy({ name: 'redis://x' }, { get: (of, key) => (key === 'name' ? of.name : facet) });
  const broker = observedBroker(facets as unknown as Broker, { clock, events } as never);
  const told: unknown[] = [];
  const listen = () => events.on('broker.up', (event) => void told.push(event));
  return { broker, events, listen, told, readings: () => nowMs / 5 };
}

describe('calls of a broker', () => {
  test('show when it is out of reach, and when it answers again, once each', async () => {
    const ends = ['no', 'no', 'yes', 'yes', 'no'];
    const { broker, listen, told } = aBroker(() =>
      ends.shift() === 'yes' ? Promise.resolve([]) : Promise.reject(outOfReach()),
    );
    listen();
    for (let call = 0; call < 5; call += 1) await broker.submit.enqueue([]).catch(() => {});
    expect(told).toEqual([
      { broker: 'redis://x', isUp: false },
      { broker: 'redis://x', isUp: true },
      { broker: 'redis://x', isUp: false },
    ]);
  });

  test('that their caller has given up say nothing of the broker, nor do other errors', async () => {
    const errors: unknown[] = [outOfReach(), new TypeError('a bug')];
    const { broker, listen, told, events } = aBroker(() => Promise.reject(errors.shift()));
    const codes: unknown[] = [];
    events.on('broker.called', ({ error }) => void codes.push(error));
    listen();
    await broker.submit.enqueue([], { signal: AbortSignal.abort() }).catch(() => {});
    await expect(broker.submit.enqueue([])).rejects.toThrow('a bug');
    expect(told).toEqual([]);
    expect(codes).toEqual(['broker-unavailable', 'unexpected']);
  });

  test('are not measured while nobody listens', async () => {
    const { broker, listen, readings } = aBroker(() => Promise.resolve([]));
    await broker.submit.enqueue([]);
    expect(readings()).toBe(0);
    const off = listen();
    await broker.submit.enqueue([]);
    expect(readings()).toBe(2);
    off();
    await broker.submit.enqueue([]);
    expect(readings()).toBe(2);
  });
});
