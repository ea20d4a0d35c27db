import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { ExchangeReply } from '../scripts/consume/exchange.ts';
import { sendByQueue, type Send } from './exchange-by-queue.ts';

const unavailable = () =>
  new TaskCenterError('broker-unavailable', { broker: 'b', outcome: 'unknown', cause: 'away' });

/** Answers for queues on the server `up`; a call to any other waits until it is given up. */
function aCluster() {
  const asked: string[] = [];
  const send: Send = async (finishes, { queues: [queue] }, options): Promise<ExchangeReply> => {
    const name = queue ?? finishes[0]?.queue ?? '';
    asked.push(name);
    if (!name.startsWith('down')) return { codes: finishes.map(() => '1').join(''), fetched: [] };
    return new Promise((_, reject) => {
      options?.signal?.addEventListener('abort', () => reject(unavailable()), { once: true });
    });
  };
  return { asked, exchange: sendByQueue(send, (queue) => (queue.startsWith('down') ? 'down' : 'up')) };
}

const fetchOf = (queues: readonly string[]) => ({ queues, room: 10, leaseMs: 6_000, worker: 'w' });
const finishOf = (queue: string) => ({ queue, plain: [{ token: 1, ids: ['a'] }], others: [] });

describe('an exchange over queues of several servers', () => {
  test('waits for a server that is away once, however many of its queues there are', async () => {
    const { asked, exchange } = aCluster();
    await exchange([], fetchOf(['down-1', 'a', 'down-2', 'down-3', 'b']), {});
    expect(asked).toEqual(['down-1', 'a', 'b']);
  });

  test('tells what became of the finishes though nothing could be taken', async () => {
    const { exchange } = aCluster();
    expect(await exchange([finishOf('a')], fetchOf(['down-1', 'down-2']), {})).toMatchObject({ codes: '1' });
    await expect(exchange([], fetchOf(['down-1', 'down-2']), {})).rejects.toMatchObject({
      code: 'broker-unavailable',
    });
  });

  test("leaves nothing behind in the worker's signal, and heeds it", async () => {
    const { exchange } = aCluster();
    const stop = new AbortController();
    await exchange([], fetchOf(['a', 'b']), { signal: stop.signal });
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    // Where Node keeps the signals that were made of this one.
    const kept = Object.getOwnPropertySymbols(stop.signal).find(
      ({ description }) => description === 'kDependantSignals',
    );
    const made = kept && (stop.signal as unknown as Record<symbol, Set<unknown> | undefined>)[kept];
    expect(made?.size ?? 0).toBe(0);
    const stopped = exchange([], fetchOf(['down-1', 'b']), { signal: stop.signal });
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await expect(stopped).rejects.toMatchObject({ code: 'broker-unavailable' });
  });
});
