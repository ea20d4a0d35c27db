import type { Broker } from '../broker/broker.ts';
import type { Log } from '../runtime/log.ts';
import { BrokerMinutes, ONE_MINUTE_MS, minuteOf } from './broker-minutes.ts';
import { unpackPages } from './hour-pages.ts';
import { addSeries, newSeries, type Series } from './series.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { Unreadable } from './unreadable.ts';

/** A minute is written soon after its end. If it is not by then, nothing has happened in it, or nobody samples. */
const MAX_UNWRITTEN_MS = 10_000;

const known = new WeakMap<object, BrokerMinutes>();

/** The time of a broker: asked for once, and again every ten minutes. */
async function brokerNowMs({ history }: Pick<Broker, 'history'>, clock: Clock): Promise<number> {
  let minutes = known.get(history);
  if (!minutes) known.set(history, (minutes = new BrokerMinutes(clock)));
  if (minutes.isUnknown) minutes.set((await history.state()).nowMs);
  return minutes.nowMs() ?? clock.wallMs();
}

export interface LastMinuteDeps {
  readonly broker: Pick<Broker, 'history'>;
  readonly log: Log;
  readonly clock?: Clock;
}

/** What happened in the last full minute in these stored queues, in order. Rates are its counts by 60 s. */
export async function lastMinute(
  { broker, log, clock = systemClock }: LastMinuteDeps,
  queues: readonly string[],
): Promise<Series[]> {
  const nowMs = await brokerNowMs(broker, clock);
  const now = minuteOf(nowMs);
  const stored = await broker.history.pages({ by: 'queue', step: 'minute', from: now - 2, to: now });
  const pages = unpackPages(stored, new Unreadable(log));
  const isWritten = nowMs - now * ONE_MINUTE_MS >= MAX_UNWRITTEN_MS || pages.some(({ at }) => at === now - 1);
  const last = pages.find(({ at }) => at === (isWritten ? now - 1 : now - 2));
  return queues.map((queue) => {
    const sum = newSeries();
    for (const { series } of last?.page.blocks.filter(({ from, to }) => to - from === 1) ?? []) {
      const one = series.get(queue);
      if (one) addSeries(sum, one);
    }
    return sum;
  });
}
