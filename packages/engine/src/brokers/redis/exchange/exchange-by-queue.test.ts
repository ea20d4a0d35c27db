import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../runtime/clock.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { ExchangeReply } from '../scripts/consume/exchange.ts';
import { sendByQueue, type Send } from './exchange-by-queue.ts';

const unavailable = () =>
  new TaskCenterError('broker-unavailable', { broker: 'b', outcome: 'unknown', cause: 'away' });

/** Two nodes. `up` has the queues of all names but `down-…` and answers; a call to `down` waits until it is aborted. */
function aCluster() {
  const calls: string[] = [];
  const send: Send = async (finishes, { queues: [queue] }, options): Promise<ExchangeReply> => {
    const name = queue ?? finishes[0]?.queue ?? '';
    calls.push(name);
    if (!name.startsWith('down')) return { codes: finishes.map(() => '1').join(''), fetched: [] };
    return new Promise((_, reject) => {
      options?.signal?.addEventListener('abort', () => reject(unavailable()), { once: true });
    });
  };
  const nodeOf = (queue: string) => (queue.startsWith('down') ? 'down' : 'up');
  return { calls, exchange: sendByQueue({ send, nodeOf, clock: systemClock }) };
}

const fetchOf = (queues: readonly string[]) => ({ queues, room: 10, leaseMs: 6_000, worker: 'w' });
const finishOf = (queue: string) => ({ queue, plain: [{ token: 1, ids: ['a'] }], others: [] });

// Concurrent, because they wait for a node that is down.
describe('an exchange with queues of several nodes', { concurrent: true }, () => {
  test('waits only once for a node that is down, even if it has several of the queues', async () => {
    const { calls, exchange } = aCluster();
    await exchange([], fetchOf(['down-1', 'a', 'down-2', 'down-3', 'b']), {});
    expect(calls).toEqual(['down-1', 'a', 'b']);
  });

  test('returns the outcomes of the finishes even if no tasks could be taken', async () => {
    const { exchange } = aCluster();
    expect(await exchange([finishOf('a')], fetchOf(['down-1', 'down-2']), {})).toMatchObject({ codes: '1' });
    await expect(exchange([], fetchOf(['down-1', 'down-2']), {})).rejects.toMatchObject({
      code: 'broker-unavailable',
    });
  });

  test("leaves no listener on the worker's signal, and ends when it aborts", async () => {
    const { exchange } = aCluster();
    const stop = new AbortController();
    await exchange([], fetchOf(['a', 'b']), { signal: stop.signal });
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    // Node keeps the signals that `AbortSignal.any` made from this one here.
    const kept = Object.getOwnPropertySymbols(stop.signal).find(
      ({ description }) => description === 'kDependantSignals',
    );
    const dependent = kept && (stop.signal as unknown as Record<symbol, Set<unknown> | undefined>)[kept];
    expect(dependent?.size ?? 0).toBe(0);
    const stopped = exchange([], fetchOf(['down-1', 'b']), { signal: stop.signal });
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await expect(stopped).rejects.toMatchObject({ code: 'broker-unavailable' });
  });
});
