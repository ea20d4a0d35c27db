// No fire is lost: not to a broker that is closed in the middle of it, and not to edits of a calendar.
import * as fc from 'fast-check';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { connectSqlite } from '../../../src/brokers/sqlite/sqlite-broker.ts';
import { putCalendar } from '../../../src/control/calendars.ts';
import { FiringBench, MINUTE_MS, SECOND_MS, START_MS, useFiring } from '../../support/firing.ts';
import { hasRedis, startRedis } from '../../support/redis-server.ts';
import { tempFolder } from '../../support/temp.ts';

const clock = { nowMs: START_MS };
const nowMs = () => clock.nowMs;
const cleanUps: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

/** Each makes the function that opens a broker on the same data. */
const BROKERS = {
  async sqlite() {
    const folder = await tempFolder();
    cleanUps.push(() => folder.remove());
    return () => connectSqlite({ path: folder.file('tasks.db'), nowMs });
  },
  async redis() {
    const server = await startRedis();
    cleanUps.push(() => server.stop());
    return () => connectRedis({ url: server.url, nowMs });
  },
} satisfies Record<string, () => Promise<() => Promise<Broker>>>;

describe.each(['sqlite', ...(hasRedis() ? ['redis'] : [])] as (keyof typeof BROKERS)[])(
  'a broker on %s that is closed while a scheduler has a schedule in hand',
  (kind) => {
    test('loses no fire: the next scheduler makes it, once', async () => {
      const connect = await BROKERS[kind]();
      const bench = new FiringBench(await connect(), 'q', clock);
      await bench.put();
      await bench.fire();
      bench.advance(MINUTE_MS);
      const cut = bench.createScheduler({
        async fire(...args) {
          await bench.broker.close();
          return bench.store.fire(...args);
        },
      });
      await expect(cut()).rejects.toMatchObject({ code: 'broker-closed' });
      const again = await connect();
      onTestFinished(() => again.close());
      const next = new FiringBench(again, 'q', clock);
      bench.advance(3 * SECOND_MS);
      const fires = await next.fire();
      expect(fires.map((fire) => fire.split(' ')[0])).toEqual(['fired']);
      expect(await next.fire()).toEqual([]);
      expect(await next.history()).toEqual(['fired']);
    });
  },
);

const open = useFiring();
/** Calendars are read again after this time at the latest. */
const MAX_AGE_MS = 5 * SECOND_MS;
const action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('advance'), n: fc.integer({ min: 1, max: 9_000 }) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('fire'), n: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('edit'), n: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('run'), n: fc.constant(0) }) },
);

/** When the day was turned on or off, and when somebody fired. */
type Moment = { readonly atMs: number; readonly what: 'on' | 'off' | 'fire' };

/** Seconds that must have fired: the day was on, and stayed on until a scheduler that knew it came within the grace. */
function expectedFires(moments: readonly Moment[], fromMs: number, toMs: number): number[] {
  const expected: number[] = [];
  for (let ms = fromMs + SECOND_MS; ms <= toMs; ms += SECOND_MS) {
    const since = moments.findLast(({ atMs, what }) => atMs < ms && what !== 'fire');
    const edits = moments.filter(({ atMs, what }) => atMs >= ms && what === 'off');
    const offMs = edits[0]?.atMs ?? Infinity;
    const knownMs = Math.max(ms, (since?.atMs ?? fromMs) + MAX_AGE_MS);
    const isMade = moments.some(
      ({ atMs, what }) => what === 'fire' && atMs >= knownMs && atMs < offMs && atMs <= ms + 30 * SECOND_MS,
    );
    if (since?.what !== 'off' && isMade) expected.push(ms);
  }
  return expected;
}

test('whenever a day is turned on and off, each time is made once where a scheduler was up within its grace', async () => {
  const property = fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 20 }), async (actions) => {
    const bench = open();
    const { queue, broker, schedules } = bench;
    const moments: Moment[] = [];
    let isOn = true;
    const putDay = () => putCalendar(broker, { id: queue, calendar: { off: isOn ? [] : ['2026-05-14'] } });
    await putDay();
    await bench.put({ cron: '* * * * * *', calendar: queue, misfire: { policy: 'skip', grace: '30s' } });
    const fromMs = bench.now;
    const schedulers = [0, 1, 2].map(() => bench.createScheduler());
    const fire = async (i: number) => {
      await schedulers[i]!();
      moments.push({ atMs: bench.now, what: 'fire' });
    };
    for (const { kind, n } of actions) {
      if (kind === 'advance') bench.advance(n);
      else if (kind === 'fire') {
        await bench.store.lookNow([{ queue, name: queue }]);
        await fire(n);
      } else if (kind === 'edit') {
        isOn = !isOn;
        await putDay();
        moments.push({ atMs: bench.now, what: isOn ? 'on' : 'off' });
      } else await schedules.run(queue);
    }
    bench.advance(2 * MAX_AGE_MS);
    await bench.store.lookNow([{ queue, name: queue }]);
    await fire(0);
    const times = bench.fired.filter(({ outcome }) => outcome !== 'manual').map(({ fireMs }) => fireMs);
    expect(new Set(times).size).toBe(times.length);
    const made = new Set(times);
    expect(expectedFires(moments, fromMs, bench.now).filter((ms) => !made.has(ms))).toEqual([]);
  });
  await fc.assert(property, { numRuns: 15 });
});
