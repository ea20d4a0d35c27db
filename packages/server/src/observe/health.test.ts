import { createLoop, createRuntime, LoopWatch, TaskCenterError, type Broker } from '@task-center/engine';
import { describe, expect, test } from 'vitest';
import { createFakeClock, settle } from '../../../engine/test/support/fake-clock.ts';
import { EventLoopWatch } from './event-loop.ts';
import { Health } from './health.ts';

type Finding = ReturnType<Broker['findings']['current']>[number];

const REPLICA: Finding = {
  code: 'replica',
  severity: 'error',
  detail: 'it is a replica',
  fix: '',
  sinceMs: 0,
};
const FULL = new TaskCenterError('broker-full', { broker: 'redis://h' });
const GONE = new TaskCenterError('broker-unavailable', {
  broker: 'redis://h',
  outcome: 'not_stored',
  cause: 'ECONNREFUSED',
});

/** Health on a fake clock, and a broker that answers as the test says. */
function aBed(checkWritable: () => Promise<void> = () => Promise.resolve()) {
  const clock = createFakeClock();
  const loops = new LoopWatch();
  const eventLoop = new EventLoopWatch(clock);
  const bed = { calls: 0, pings: 0, findings: [] as Finding[] };
  const broker = {
    findings: { current: () => bed.findings, facts: () => ({}) },
    checkWritable() {
      bed.calls += 1;
      return checkWritable();
    },
    async ping() {
      bed.pings += 1;
    },
  } as unknown as Broker;
  const health = new Health({ broker, clock, loops, eventLoop });
  const failed = async () => (await health.service()).checks.filter(({ ok }) => !ok);
  return Object.assign(bed, { clock, loops, eventLoop, health, failed });
}

describe('the broker', () => {
  test('is asked once a second at most, by however many', async () => {
    const bed = aBed();
    await Promise.all(Array.from({ length: 1_000 }, () => bed.health.service()));
    await bed.health.service();
    expect(bed.calls).toBe(1);
    await bed.clock.advance(999);
    await bed.health.service();
    expect(bed.calls).toBe(1);
    await bed.clock.advance(1);
    expect(await bed.health.service()).toMatchObject({ status: 'ok' });
    expect(bed.calls).toBe(2);
  });

  test('that hangs has one call at a time, and is unavailable after two seconds', async () => {
    let end = () => {};
    const bed = aBed(() => new Promise((resolve) => (end = resolve)));
    const first = bed.health.service();
    await bed.clock.advance(2_000);
    expect(await first).toMatchObject({ status: 'unavailable' });
    await bed.clock.advance(60_000);
    expect(await bed.health.service()).toMatchObject({ status: 'unavailable' });
    expect(bed.calls).toBe(1);
    end();
    await settle();
    await bed.clock.advance(1_000);
    const again = bed.health.service();
    end();
    expect(await again).toMatchObject({ status: 'ok' });
    expect(bed.calls).toBe(2);
  });

  test.each([
    ['full', FULL, /full/],
    ['unavailable', GONE, /^ECONNREFUSED$/],
    ['unavailable', new Error('secret'), /^the call has failed$/],
  ])('that refuses is %s', async (status, error, detail) => {
    const bed = aBed(() => Promise.reject(error));
    expect((await bed.health.service()).status).toBe(status);
    expect(await bed.failed()).toEqual([
      { name: 'broker', ok: false, detail: expect.stringMatching(detail) },
    ]);
  });

  test('that cannot keep its promises is unsafe, whatever it answers', async () => {
    const bed = aBed(() => Promise.reject(GONE));
    bed.findings = [REPLICA];
    expect((await bed.health.service()).status).toBe('unsafe');
    expect(await bed.failed()).toContainEqual({
      name: 'findings',
      ok: false,
      detail: 'replica: it is a replica',
    });
  });

  test('that takes no writes, as the operator accepts, need only answer', async () => {
    const bed = aBed(() => Promise.reject(GONE));
    bed.findings = [{ ...REPLICA, severity: 'warning' }];
    expect((await bed.health.service()).status).toBe('ok');
    expect([bed.calls, bed.pings]).toEqual([0, 1]);
  });
});

describe('a loop', () => {
  test('that hangs is named, until its step ends', async () => {
    const { clock, loops, health, failed } = aBed();
    let end = () => {};
    const step = () => new Promise<number>((resolve) => (end = () => resolve(1_000)));
    const loop = createLoop({
      name: 'tester',
      runtime: createRuntime({ clock, loops }),
      step,
      maxStepMs: 5_000,
    });
    loop.start();
    await clock.advance(5_000);
    expect(await health.service()).toMatchObject({ status: 'ok' });
    await clock.advance(1);
    expect((await health.service()).status).toBe('stuck');
    expect(await failed()).toEqual([
      { name: 'loop tester', ok: false, detail: 'its step has not ended for 5.0 s' },
    ]);
    end();
    await settle();
    expect((await health.service()).status).toBe('ok');
    const stopped = loop.stop();
    end();
    await stopped;
    expect(loops.states()).toEqual([]);
  });

  test('of two with one name makes the name fail, whichever hangs', async () => {
    const { loops, health, failed } = aBed();
    loops.add({ name: 'twin', maxStepMs: 1, stepMs: () => 2 });
    loops.add({ name: 'twin', maxStepMs: 1, stepMs: () => 0 });
    expect((await health.service()).checks.filter(({ name }) => name === 'loop twin')).toHaveLength(1);
    expect(await failed()).toHaveLength(1);
  });
});

describe('the event loop', () => {
  test('that stood still for more than two seconds is told for five', async () => {
    const { clock, eventLoop, health } = aBed();
    eventLoop.start();
    await clock.advance(10_000);
    clock.skip(2_000);
    expect((await health.service()).status).toBe('ok');
    await clock.advance(1_000);
    clock.skip(3_000);
    expect(await health.service()).toMatchObject({ status: 'stuck' });
    expect(health.process().checks).toEqual([
      { name: 'event loop', ok: false, detail: expect.stringMatching(/^it stood still for [23]\.\d s$/) },
    ]);
    expect(health.process().status).toBe('ok');
    await clock.advance(5_000);
    expect((await health.service()).status).toBe('ok');
    eventLoop.stop();
  });
});
