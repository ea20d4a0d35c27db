import { afterEach, describe, expect, test } from 'vitest';
import { createFakeClock, settle, type FakeClock } from '../../test/support/fake-clock.ts';
import type { RecoverStep, Step, Surveyed } from '../broker/maintain.ts';
import type { KnownDue } from '../broker/signals.ts';
import { Lifetime } from '../runtime/lifetime.ts';
import { silentLog } from '../runtime/log.ts';
import { createRuntime } from '../runtime/runtime.ts';
import { createMaintenance, type Maintenance, type MaintenanceDeps } from './maintenance.ts';

const IDLE = { isLeased: false, nextDueMs: null, nextInMs: null, isUntidy: false };
type Broker = MaintenanceDeps['broker'];

/** A broker that counts the queues of each call; a test says what a survey finds. */
class FakeBroker {
  readonly clock: FakeClock = createFakeClock();
  /** What surveys find of queues that are not idle. */
  readonly states = new Map<string, Partial<Surveyed>>();
  /** Queues whose master is down. */
  readonly down = new Set<string>();
  /** Queues per call, by the name of the call. */
  readonly calls: Record<string, readonly string[][]> = {};
  readonly recoverSteps: RecoverStep[] = [];
  #wakeUp: ((queues: readonly string[]) => void) | undefined;

  #record(name: string, queues: readonly string[]): void {
    this.calls[name] = [...(this.calls[name] ?? []), [...queues]];
  }

  /** The queues of all calls of this name, in order. */
  queuesOf(name: string): string[] {
    return (this.calls[name] ?? []).flat();
  }

  /** Announces that something is due in the queue. */
  wakeUp(queue: string): void {
    this.#wakeUp?.([queue]);
  }

  readonly broker = {
    maintain: {
      survey: async (queues: readonly string[]) => {
        this.#record('survey', queues);
        const atMs = this.clock.wallMs();
        return queues.map((queue) =>
          this.down.has(queue) ? null : { ...IDLE, atMs, ...this.states.get(queue) },
        );
      },
      findUntidy: async (queues: readonly string[]) => {
        this.#record('findUntidy', queues);
        return queues.filter((queue) => this.states.get(queue)?.isUntidy);
      },
      recover: async (steps: readonly RecoverStep[]) => {
        this.#record(
          'recover',
          steps.map(({ queue }) => queue),
        );
        this.recoverSteps.push(...steps);
        return steps.map(() => ({ recovered: 0, archived: 0, orphans: [] }));
      },
      forward: async (steps: readonly Step[]) => {
        this.#record(
          'forward',
          steps.map(({ queue }) => queue),
        );
        return steps.map(() => ({ moved: 1, lateMs: 0, nextDueMs: null, nextInMs: null }));
      },
      expire: async (steps: readonly Step[]) => {
        this.#record(
          'expire',
          steps.map(({ queue }) => queue),
        );
        return steps.map(() => 0);
      },
      repair: async (steps: readonly Step[]) =>
        steps.map(() => ({ recovered: 0, archived: 0, locks: 0, groups: 0, renamedKeys: [] })),
    },
    groups: { reclaim: async (steps: readonly Step[]) => steps.map(() => 0) },
    lifetime: new Lifetime('fake', silentLog),
    signals: {
      nextDueOf: () => null,
      waitForDue: (_: readonly KnownDue[], signal: AbortSignal) =>
        new Promise<readonly string[]>((resolve) => {
          this.#wakeUp = resolve;
          signal.addEventListener('abort', () => resolve([]), { once: true });
        }),
    },
  } as unknown as Broker;
}

const namesOf = (count: number) => Array.from({ length: count }, (_, i) => `q${i}`);

describe('the loops of maintenance', () => {
  let maintenance: Maintenance | undefined;
  afterEach(async () => {
    await maintenance?.stop();
    maintenance = undefined;
  });

  /** Starts the loops for this number of queues, and lets their first steps end. */
  async function start(count: number, prepare?: (fake: FakeBroker) => void): Promise<FakeBroker> {
    const fake = new FakeBroker();
    prepare?.(fake);
    const names = namesOf(count);
    const runtime = createRuntime({ clock: fake.clock, random: () => 0.5 });
    maintenance = createMaintenance({ broker: fake.broker, queues: () => names, runtime });
    maintenance.start();
    await settle();
    return fake;
  }

  /** The calls in a minute, after the first ones. */
  async function callsInAMinute(count: number): Promise<Record<string, number>> {
    const fake = await start(count);
    for (const name of Object.keys(fake.calls)) fake.calls[name] = [];
    await fake.clock.advance(60_000);
    await maintenance?.stop();
    return Object.fromEntries(Object.entries(fake.calls).map(([name, calls]) => [name, calls.length]));
  }

  test('make as many calls for a thousand idle queues as for a hundred, and none that is for some of them', async () => {
    const few = await callsInAMinute(100);
    expect(few).toEqual({ survey: 60, findUntidy: 7, expire: 7 });
    expect(await callsInAMinute(1_000)).toEqual(few);
  });

  test('repair idle queues in turn: each has its turn, and a sweep has few', async () => {
    const fake = await start(1_000);
    await fake.clock.advance(15 * 8_000);
    const swept = fake.calls['expire'] ?? [];
    expect(Math.max(...swept.map((queues) => queues.length))).toBe(64);
    expect(new Set(swept.flat()).size).toBe(1_000);
  });

  test('survey all queues at the start, and each of very many within three surveys', async () => {
    const fake = await start(6_000);
    expect(fake.calls['survey']).toEqual([namesOf(6_000)]);
    fake.calls['survey'] = [];
    await fake.clock.advance(3_000);
    expect(fake.calls['survey'].map((queues) => queues.length)).toEqual([2_000, 2_000, 2_000]);
    expect(new Set(fake.queuesOf('survey')).size).toBe(6_000);
  });

  test('survey the other queues while one has been out of reach since the start', async () => {
    const fake = await start(100, ({ down }) => down.add('q3'));
    fake.states.set('q7', { isLeased: true });
    await fake.clock.advance(20_000);
    fake.calls['recover'] = [];
    await fake.clock.advance(5_000);
    expect(new Set(fake.queuesOf('recover'))).toEqual(new Set(['q7']));
  });

  test('scan a queue every 750 ms while it has leases, and no longer than 5 s after', async () => {
    const fake = await start(1_000, ({ states }) => states.set('q7', { isLeased: true }));
    await fake.clock.advance(7_500);
    expect(new Set(fake.queuesOf('recover'))).toEqual(new Set(['q7']));
    expect(fake.queuesOf('recover').length).toBeGreaterThanOrEqual(10);
    fake.states.delete('q7');
    await fake.clock.advance(6_000);
    fake.calls['recover'] = [];
    await fake.clock.advance(10_000);
    expect(fake.queuesOf('recover')).toEqual([]);
  });

  test('tell a scan when the queue was last found idle', async () => {
    const fake = await start(1_000);
    await fake.clock.advance(10_000);
    const idleAtMs = fake.clock.wallMs();
    fake.states.set('q7', { isLeased: true });
    await fake.clock.advance(2_000);
    expect(fake.recoverSteps[0]).toEqual({ queue: 'q7', limit: 100, idleAtMs });
  });

  test('forward a queue when its next task is due, and no other', async () => {
    const fake = await start(1_000, ({ states, clock }) =>
      states.set('q7', { nextDueMs: clock.wallMs() + 500, nextInMs: 500 }),
    );
    await fake.clock.advance(499);
    expect(fake.queuesOf('forward')).toEqual([]);
    await fake.clock.advance(1);
    expect(fake.queuesOf('forward')).toEqual(['q7']);
  });

  test('forward a queue at once when a wake-up announces it', async () => {
    const fake = await start(1_000);
    fake.wakeUp('q9');
    await settle();
    expect(fake.queuesOf('forward')).toEqual(['q9']);
  });

  test('forward a queue within a second when its wake-up was lost', async () => {
    const fake = await start(1_000);
    fake.states.set('q9', { nextDueMs: fake.clock.wallMs(), nextInMs: 0 });
    await fake.clock.advance(1_000);
    expect(fake.queuesOf('forward')).toEqual(['q9']);
  });

  test('remove what has expired within one sweep', async () => {
    const fake = await start(1_000);
    fake.states.set('q900', { isUntidy: true });
    fake.calls['expire'] = [];
    await fake.clock.advance(8_000);
    expect(fake.queuesOf('expire')).toContain('q900');
  });
});
