import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { createFakeClock, settle, type FakeClock } from '../../test/support/fake-clock.ts';
import { FakeClaims, FakeClaimsLink } from '../../test/support/fake-claims.ts';
import { silentLog, type Log } from '../runtime/log.ts';
import type { Loop } from '../runtime/loop.ts';
import { createRuntime } from '../runtime/runtime.ts';
import { untilAborted } from '../runtime/within.ts';
import type { HeldClaim } from './claim-keeper.ts';
import { createClaimedLoop } from './claimed-loop.ts';

const NAME = 'metrics';
const CLAIM_MS = 8_000;
/** A quarter of it. */
const RENEW_MS = 2_000;
const STEP_MS = 1_000;

let clock: FakeClock;
let broker: FakeClaims;

beforeEach(() => {
  clock = createFakeClock();
  broker = new FakeClaims(clock);
});

/** An instance whose steps follow each other every second. */
interface Instance {
  readonly loop: Loop;
  readonly link: FakeClaimsLink;
  /** The claims under which its steps have run. */
  readonly steps: readonly HeldClaim[];
  /** The loops whose steps have failed, by name. */
  readonly failed: readonly string[];
  /** Losses of the claim that it has told, by their causes. */
  readonly losses: readonly unknown[];
}

type Work = (held: HeldClaim) => Promise<void>;

function start(work: Work = async () => {}, { replyMs = 0 } = {}): Instance {
  const losses: unknown[] = [];
  const warn: Log['warn'] = (fields) => 'cause' in fields && losses.push(fields.cause);
  const runtime = createRuntime({ clock, log: { ...silentLog, warn } });
  const link = Object.assign(new FakeClaimsLink(broker, clock), { replyMs });
  const steps: HeldClaim[] = [];
  const failed: string[] = [];
  runtime.events.on('loop.failed', ({ loop: name }) => failed.push(name));
  const loop = createClaimedLoop({
    name: 'work',
    runtime,
    claims: link,
    claim: NAME,
    claimMs: CLAIM_MS,
    async step(held) {
      steps.push(held);
      await work(held);
      return STEP_MS;
    },
  });
  loop.start();
  return { loop, link, steps, failed, losses };
}

const tokensOf = ({ steps }: Instance): number[] => [...new Set(steps.map(({ token }) => token))];
/** The claim under which its first step has run. */
function claimOf({ steps }: Instance): HeldClaim {
  const [held] = steps;
  if (!held) throw new Error('no step has run');
  return held;
}
const isAtWork = ({ steps }: Instance): boolean => steps.at(-1)?.isHeld() ?? false;

/** Lets time pass, once everything that is ready has run. */
async function pass(ms: number): Promise<void> {
  await settle();
  await clock.advance(ms);
}

/** Starts two; the first has the claim. */
async function startTwo(work?: Work): Promise<[Instance, Instance]> {
  const first = start(work);
  await settle();
  const second = start();
  await settle();
  return [first, second];
}

describe('a claimed loop', () => {
  test('works on one instance, for as long as that one lives', async () => {
    const [first, second] = await startTwo();
    expect(first.steps).toHaveLength(1);
    await pass(60 * STEP_MS);
    expect(first.steps).toHaveLength(61);
    expect(tokensOf(first)).toHaveLength(1);
    expect(second.steps).toEqual([]);
    expect([...first.failed, ...second.failed]).toEqual([]);
  });

  test('goes on elsewhere soon after it was stopped, under a greater token', async () => {
    const [first, second] = await startTwo();
    await first.loop.stop();
    expect(isAtWork(first)).toBe(false);
    expect(broker.current(NAME)).toBeUndefined();
    await pass(1.25 * RENEW_MS);
    expect(isAtWork(second)).toBe(true);
    expect(claimOf(second).token).toBeGreaterThan(claimOf(first).token);
  });

  test.each([0, 3_000])(
    'stops before another instance may work, when the broker is away (replies: %i ms)',
    async (ms) => {
      const [first, second] = await startTwo(({ signal }) => untilAborted(signal));
      first.link.replyMs = ms;
      await pass(7_000);
      first.link.isCut = true;
      for (let part = 0; part < 150; part += 1) {
        await pass(100);
        expect(claimOf(first).signal.aborted).toBe(!isAtWork(first));
        expect(isAtWork(first) && isAtWork(second)).toBe(false);
      }
      expect(isAtWork(second)).toBe(true);
      expect(first.steps).toHaveLength(1);
      expect(first.failed).toContain(`claim ${NAME}`);
      expect(first.losses).toHaveLength(1);
      Object.assign(first.link, { isCut: false, replyMs: 0 });
      await second.loop.stop();
      await pass(1.25 * RENEW_MS);
      expect(isAtWork(first)).toBe(true);
    },
  );

  test('does not trust a claim whose answer came too late', async () => {
    const instance = start(undefined, { replyMs: CLAIM_MS - 100 });
    await pass(CLAIM_MS - 100);
    expect(broker.current(NAME)).toBeDefined();
    expect(instance.steps).toEqual([]);
  });

  test('keeps its claim although every answer takes long', async () => {
    const instance = start(undefined, { replyMs: 3_000 });
    await pass(5 * CLAIM_MS);
    expect(isAtWork(instance)).toBe(true);
    expect(tokensOf(instance)).toHaveLength(1);
    expect(instance.losses).toEqual([]);
  });

  test('tells once that it has lost the claim, also when a renewal is answered later', async () => {
    const instance = start();
    await settle();
    instance.link.replyMs = 2 * CLAIM_MS;
    await pass(RENEW_MS);
    instance.link.replyMs = 0;
    await pass(2 * CLAIM_MS - 1);
    expect(isAtWork(instance)).toBe(false);
    await pass(2 * CLAIM_MS);
    expect(isAtWork(instance)).toBe(true);
    expect(instance.losses).toHaveLength(1);
  });

  test('trusts no claim that is over, although no timer could tell it yet', async () => {
    const instance = start(({ signal }) => untilAborted(signal));
    await settle();
    const held = claimOf(instance);
    clock.skip(CLAIM_MS - 1_000);
    expect(held.isHeld()).toBe(true);
    clock.skip(600);
    expect(held.isHeld()).toBe(false);
    expect(held.signal.aborted).toBe(true);
  });

  test('ends its step when another instance has the claim, and works again when it is free', async () => {
    const instance = start(async ({ signal }) => {
      await untilAborted(signal);
      throw new Error('planned error');
    });
    await settle();
    broker.steal(NAME, 5_000);
    await pass(RENEW_MS);
    expect(claimOf(instance).signal.aborted).toBe(true);
    expect(instance.failed).toEqual([]);
    await pass(5_000 + 1.25 * RENEW_MS);
    expect(tokensOf(instance)).toHaveLength(2);
    expect(isAtWork(instance)).toBe(true);
  });

  test('reports a step that fails, and goes on', async () => {
    const instance = start(() => Promise.reject(new Error('planned error')));
    await pass(3 * STEP_MS);
    expect(instance.failed.length).toBeGreaterThan(1);
    expect(new Set(instance.failed)).toEqual(new Set(['work']));
    expect(isAtWork(instance)).toBe(true);
  });
});

describe('the end of a claimed loop', () => {
  test('keeps the claim until the running step has ended', async () => {
    const work = { end: () => {} };
    const [first, second] = await startTwo(() => new Promise((resolve) => (work.end = resolve)));
    const stopped = first.loop.stop();
    expect(claimOf(first).signal.aborted).toBe(true);
    await pass(3 * CLAIM_MS);
    expect(broker.current(NAME)?.token).toBe(claimOf(first).token);
    expect(second.steps).toEqual([]);
    work.end();
    await stopped;
    expect(broker.current(NAME)).toBeUndefined();
  });

  test('releases a claim that was under way', async () => {
    const instance = start(undefined, { replyMs: 500 });
    await pass(100);
    expect(broker.current(NAME)).toBeDefined();
    const stopped = instance.loop.stop();
    await pass(900);
    await stopped;
    await pass(CLAIM_MS);
    expect(broker.current(NAME)).toBeUndefined();
    expect(instance.steps).toEqual([]);
    expect(instance.losses).toEqual([]);
  });

  test('waits a second at most for a broker that does not answer', async () => {
    const instance = start();
    await settle();
    instance.link.requestMs = 60_000;
    const stopped = instance.loop.stop();
    await pass(1_000);
    await stopped;
    expect(isAtWork(instance)).toBe(false);
  });

  test('can be followed by another start', async () => {
    const instance = start();
    await settle();
    await instance.loop.stop();
    instance.loop.start();
    await settle();
    expect(tokensOf(instance)).toHaveLength(2);
    expect(isAtWork(instance)).toBe(true);
  });
});

/** What happens next in a random run of three instances. */
interface Happening {
  readonly kind: 'time' | 'cut' | 'heal' | 'slow' | 'standstill' | 'stop' | 'start';
  /** Index of the instance. */
  readonly at: number;
  readonly ms: number;
}

const happenings: fc.Arbitrary<Happening> = fc.record({
  kind: fc.constantFrom('time', 'time', 'cut', 'heal', 'slow', 'standstill', 'stop', 'start'),
  at: fc.nat(2),
  ms: fc.integer({ min: 1, max: CLAIM_MS + RENEW_MS }),
});

async function happen({ loop, link }: Instance, { kind, ms }: Happening): Promise<void> {
  if (kind === 'cut' || kind === 'heal') link.isCut = kind === 'cut';
  else if (kind === 'slow') link.requestMs = link.replyMs = ms / 2;
  else if (kind === 'standstill') clock.skip(ms);
  else if (kind === 'start') loop.start();
  else if (kind === 'time') await pass(ms);
  else {
    const stopped = loop.stop();
    await pass(2 * STEP_MS);
    await stopped;
  }
}

describe('several claimed loops', () => {
  test('work one at a time, whatever happens', async () => {
    const property = fc.asyncProperty(fc.array(happenings, { maxLength: 15 }), async (all) => {
      clock = createFakeClock();
      broker = new FakeClaims(clock);
      let wrong = 0;
      /** Looks often while it works: an instance that trusts its claim is the one that the broker knows. */
      const work = async (held: HeldClaim) => {
        for (let part = 0; part < 3; part += 1) {
          if (held.isHeld() && broker.current(NAME)?.token !== held.token) wrong += 1;
          await clock.sleep(300, held.signal);
        }
      };
      const first = start(work);
      const instances = [first, start(work), start(work)];
      for (const happening of all) {
        await happen(instances[happening.at] ?? first, happening);
        expect(instances.filter(isAtWork).length).toBeLessThanOrEqual(1);
      }
      expect(wrong).toBe(0);
      for (const { link } of instances) Object.assign(link, { isCut: false, requestMs: 0, replyMs: 0 });
      first.loop.start();
      // A slow call may have to end first, and the claim of one that was stopped while it was cut off.
      await pass(4 * CLAIM_MS);
      expect(instances.filter(isAtWork)).toHaveLength(1);
    });
    await fc.assert(property, { numRuns: 40 });
  });
});
