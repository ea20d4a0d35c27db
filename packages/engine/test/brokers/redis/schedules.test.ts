import { describe, expect, test } from 'vitest';
import type { FireWrite } from '../../../src/broker/fires.ts';
import type { SchedulePut, ScheduleRecord } from '../../../src/broker/schedule-records.ts';
import type { ScheduleStore } from '../../../src/broker/schedules.ts';
import { listCalendars, putCalendar } from '../../../src/control/calendars.ts';
import { fsck } from '../../../src/control/fsck.ts';
import { Schedules } from '../../../src/schedules/schedules.ts';
import { expectSpoilt } from '../../support/calendars.ts';
import { aTask, finish } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { aPlan, aSchedule } from '../../support/schedules.ts';
import { redisBed } from './bed.ts';

const HOUR_MS = 3_600_000;
const STEP = [{ queue: 'default', limit: 256 }];

describe.skipIf(!hasRedis())('schedules on Redis', () => {
  const bed = redisBed();
  const store = (): ScheduleStore => bed.broker.schedules;

  async function put(overrides: Partial<SchedulePut> = {}) {
    const { plan: _plan, ...schedule } = aSchedule(overrides);
    const [outcome] = await store().put([schedule]);
    return outcome;
  }
  const read = async (name = 'one'): Promise<ScheduleRecord | null> =>
    (await store().get([name])).schedules[0]!;

  /** Fires `one` with a task that its ledger counts as open and waits for. */
  async function fireOpen(id: string): Promise<void> {
    const fireMs = bed.now();
    const { stamp } = (await read())!;
    const tasks = [aTask({ id, retentionMs: HOUR_MS })];
    const plan = aPlan({
      open: [id],
      awaitsEnd: true,
      nextFireMs: fireMs + HOUR_MS,
      nextLookMs: fireMs + HOUR_MS,
    });
    const write: FireWrite = {
      name: 'one',
      stamp,
      fires: [{ outcome: 'fired', fireMs, toMs: fireMs, count: 1, tasks }],
      plan,
    };
    expect(await store().fire('default', [write])).toEqual([{ code: 'fired' }]);
  }

  const findings = async (repair = false) => {
    const { findings: found } = await fsck(bed.broker, { pause: 0, repair });
    return found.map(({ kind, found: text }) => `${kind}: ${text}`);
  };

  /** Runs the janitor's repairs until they have come by everything. */
  async function repairAll(): Promise<void> {
    for (let i = 0; i < 7; i += 1) await bed.broker.maintain.repair(STEP);
  }

  describe('whose writing was cut between the registry and the queue', () => {
    const entry = (queue: string) => bed.ask('HSET', 'tc:schedules', 'one', `cut;${bed.now()};${queue}`);

    test('are not there, and can be written anew in the same queue at once', async () => {
      await entry('default');
      expect(await read()).toBeNull();
      expect(await put()).toEqual({ code: 'stored', revision: 1 });
      expect(await read()).toMatchObject({ revision: 1 });
    });

    test('can be written in another queue when the call that was cut is over for sure', async () => {
      await entry('other');
      expect(await put()).toEqual({ code: 'schedule-exists', queue: 'other' });
      bed.advance(10_001);
      expect(await put()).toEqual({ code: 'stored', revision: 1 });
      expect(await read()).toMatchObject({ queue: 'default' });
    });

    test('leave an entry that fsck and the janitor take out, but not while the call may be under way', async () => {
      await put({ name: 'kept' });
      await entry('default');
      expect(await findings()).toEqual([]);
      bed.advance(10_001);
      expect(await findings()).toEqual(['leak: an entry of the registry without a schedule']);
      await repairAll();
      expect(await bed.ask('HKEYS', 'tc:schedules')).toEqual(['kept']);
    });
  });

  test('a schedule that the registry does not name is entered again', async () => {
    await put();
    await bed.ask('DEL', 'tc:schedules');
    expect(await read()).toBeNull();
    expect(await findings()).toEqual(['orphan: no registry names this schedule']);
    await repairAll();
    expect(await read()).toMatchObject({ name: 'one' });
    expect(await findings()).toEqual([]);
  });

  test('a removal takes its entry out, but not that of a schedule made since', async () => {
    await put();
    await store().remove([{ queue: 'default', name: 'one' }]);
    expect(await bed.ask('EXISTS', 'tc:schedules')).toBe(0);
    await put();
    expect(await put()).toEqual({ code: 'schedule-exists', queue: 'default' });
    await store().remove([{ queue: 'default', name: 'one' }]);
    expect(await bed.keys()).not.toContainEqual(expect.stringMatching(/one|names|next|soon|:fl$/));
  });

  test.each([
    ['no list shows it', ['ZREM', 'tc:{default}:names', 'one'], 'orphan: no list shows this schedule'],
    [
      'nobody looks at it',
      ['ZREM', 'tc:{default}:next', 'one'],
      'orphan: a schedule that will fire, yet nobody will look at it',
    ],
    [
      'its specification is gone',
      ['HDEL', 'tc:{default}:sl:one', 'spec'],
      'ghost: a schedule without its specification',
    ],
    [
      'it is gone but for its ledger',
      ['HDEL', 'tc:{default}:sch', 'one'],
      'leak: what is left of a schedule that does not exist',
    ],
    [
      'a removed one counts as failing',
      ['ZADD', 'tc:{default}:failing', '0', 'removed'],
      'leak: what is left of a schedule that does not exist',
    ],
    ['its run has no task', ['DEL', 'asynq:{default}:t:r'], 'leak: a run of a schedule without its task'],
  ])('fsck finds and repairs a schedule when %s', async (_, damage, expected) => {
    await put({ name: 'whole' });
    await put({ nextFireMs: bed.now() + HOUR_MS });
    await fireOpen('r');
    expect(await findings()).toEqual([]);
    await bed.ask(...damage);
    expect(await findings()).toContain(expected);
    await findings(true);
    bed.advance(10_001);
    await findings(true);
    expect(await findings()).toEqual([]);
    expect(await read('whole')).toMatchObject({ name: 'whole' });
  });

  test.each([
    ['removes', 'gone', [['DEL', 'asynq:{default}:t:r']]],
    [
      'archives',
      'archived',
      [
        ['HSET', 'asynq:{default}:t:r', 'state', 'archived'],
        ['ZADD', 'asynq:{default}:archived', '1', 'r'],
      ],
    ],
    [
      'completes',
      'completed',
      [
        ['HSET', 'asynq:{default}:t:r', 'state', 'completed'],
        ['ZADD', 'asynq:{default}:completed', '9000000000', 'r'],
      ],
    ],
  ] as const)(
    'a run that Go %s is found by who waits for it, and by the janitor',
    async (_, end, commands) => {
      await put();
      await fireOpen('r');
      await bed.ask('LREM', 'asynq:{default}:pending', '0', 'r');
      for (const command of commands) await bed.ask(...command);
      await store().lookNow([{ queue: 'default', name: 'one' }]);
      const { schedules } = await store().due('default', 1);
      expect(schedules[0]?.openRuns).toEqual([{ id: 'r', end, endedMs: bed.now() }]);

      await fireOpen('s');
      for (const command of commands)
        await bed.ask(...command.map((part: string) => part.replace(/\br$/, 's')));
      expect(await bed.broker.maintain.findUntidy(['default'])).toEqual(['default']);
      await bed.broker.maintain.expire(STEP);
      expect((await read())?.nextLookMs).toBe(bed.now());
      expect(await bed.ask('EXISTS', 'tc:{default}:watch')).toBe(0);
    },
  );

  test('the end of a task does not fail when keys of its schedule have wrong types', async () => {
    await put();
    await fireOpen('r');
    for (const key of ['sl:one', 'fires:one', 'next']) {
      await bed.ask('DEL', `tc:{default}:${key}`);
      await bed.ask('SADD', `tc:{default}:${key}`, 'x');
    }
    const { tasks } = await bed.exchange({ queues: ['default'] });
    await bed.exchange({ finishes: tasks.map((task) => finish.succeeded(task)), room: 0 });
    expect(await bed.ask('HGET', 'asynq:{default}:t:r', 'state')).toBe('completed');
    expect(await bed.ask('LLEN', 'asynq:{default}:active')).toBe(0);
  });

  describe('one that another program has damaged', () => {
    const sl = 'tc:{default}:sl:report';
    const damages: [what: string, ...command: string[]][] = [
      ['head: no JSON', 'HSET', 'tc:{default}:sch', 'report', '1;1;1;1;0;{'],
      ['head: a field missing', 'HSET', 'tc:{default}:sch', 'report', '{"f":"api"}'],
      ['specification: no JSON', 'HSET', sl, 'spec', '{'],
      ['specification: a field missing', 'HSET', sl, 'spec', '{"id":"report"}'],
      ['specification: gone', 'HDEL', sl, 'spec'],
      ['ledger: no JSON', 'HSET', sl, 'ledger', 'x'],
      ['ledger: another type', 'HSET', sl, 'ledger', '7'],
    ];
    const input = (id = 'report') => ({ id, cron: '0 * * * *', task: { task: 'report' } });
    const schedules = () => new Schedules(bed.broker);

    test.each(damages)(
      'is told of, stops no list, and is replaced by a put. Its %s',
      async (_, ...damage) => {
        for (const id of ['report', 'whole']) await schedules().put(input(id));
        await bed.ask(...damage);
        await expect(schedules().get('report')).rejects.toMatchObject({ code: 'schedule-unreadable' });
        if (damage.at(-1) === '{') {
          expect(await findings(true)).toEqual(['ghost: a schedule whose specification is damaged']);
          expect(await findings(true)).toHaveLength(1);
        }
        expect((await schedules().list()).map(({ id }) => id)).toEqual(['whole']);
        expect(await schedules().put(input())).toMatchObject({ id: 'report' });
        expect((await schedules().list()).map(({ id }) => id)).toEqual(['report', 'whole']);
        expect(await findings()).toEqual([]);
      },
    );

    test.each(damages)('can be removed. Its %s', async (_, ...damage) => {
      for (const id of ['report', 'whole']) await schedules().put(input(id));
      await bed.ask(...damage);
      await schedules().remove('report');
      await expect(schedules().get('report')).rejects.toMatchObject({ code: 'schedule-not-found' });
      expect(await bed.ask('HKEYS', 'tc:{default}:sch')).not.toContain('report');
    });

    test('gets its head back from its specification by fsck and the janitor, with its pause', async () => {
      const owned = { ...input(), owner: 'finance', businessId: 'shop' };
      const address = { id: 'report', businessId: 'shop' };
      await schedules().put(owned);
      await schedules().pause(address, { reason: 'closed' });
      const before = await schedules().get(address);
      await bed.ask('HSET', 'tc:{default}:sch', 'shop.report', '1;1;1;1;0;{');
      expect(await findings()).toEqual(['ghost: a schedule whose head is damaged']);
      await repairAll();
      const { version: _version, updatedAt: _updated, ...same } = before;
      expect(await schedules().get(address)).toMatchObject({ ...same, pauseReason: '' });
      expect(await findings()).toEqual([]);
    });

    test('is handed out all the same: its scheduler says so, and looks again in a minute', async () => {
      await put();
      await bed.ask('HSET', 'tc:{default}:sch', 'one', '1;1;1;1;0;{');
      const { schedules: found } = await store().due('default', 1);
      expect(found).toMatchObject([{ name: 'one', spec: '' }]);
      const { name, stamp, ledger } = found[0]!;
      const plan = aPlan({ ledger, nextLookMs: bed.now() + 60_000 });
      expect(await store().fire('default', [{ name, stamp, fires: [], plan }])).toEqual([{ code: 'fired' }]);
      expect((await store().nextLooks(['default']))[0]).toMatchObject({ nextLookInMs: 60_000 });
    });
  });

  test('a calendar whose JSON another program has spoilt stops no other, and can be put anew', async () => {
    for (const id of ['good', 'spoilt'])
      await putCalendar(bed.broker, { id, calendar: { off: ['2026-05-14'] } });
    const document = String(await bed.ask('HGET', 'tc:doc:calendar', 'spoilt'));
    await bed.ask('HSET', 'tc:doc:calendar', 'spoilt', document.slice(0, -3));
    await expectSpoilt(bed.broker);
  });

  test('a calendar that is lost in its document stops no other', async () => {
    for (const id of ['good', 'lost']) await putCalendar(bed.broker, { id, calendar: {} });
    await bed.ask('HSET', 'tc:doc:calendar', 'lost', '{');
    const found = (await listCalendars(bed.broker)).filter(({ source }) => source === 'api');
    expect(found.map(({ id, isReadable }) => [id, isReadable])).toEqual([
      ['good', true],
      ['lost', false],
    ]);
  });
});
