import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_CLAIM_MS, MIN_CLAIM_MS, type Claim, type ClaimCall } from '../../src/broker/claims.ts';
import type { Bench, Harness } from './harness.ts';

const NAME = 'metrics';
const TTL_MS = 10_000;

const take = (bench: Bench, holder: string, { name = NAME, ttlMs = TTL_MS } = {}) =>
  bench.broker.claims.take(name, { holder, ttlMs });
const renew = ({ broker }: Bench, holder: string, call: { token: number; ttlMs?: number }) =>
  broker.claims.renew(NAME, { holder, ttlMs: TTL_MS, ...call });
const release = (bench: Bench, holder: string, token: number) =>
  bench.broker.claims.release(NAME, { holder, token });

/** Takes the claim, and fails if another holder has it. */
async function tokenOf(bench: Bench, holder: string, how = {}): Promise<number> {
  const claim = await take(bench, holder, how);
  if (!claim) throw new Error(`${holder} did not get the claim`);
  return claim.token;
}

function lifeSuite(harness: Harness): void {
  test('one holder has it at a time, also of many that ask at once', async () => {
    const bench = await harness.openBench();
    const asked = Array.from({ length: 50 }, (_, i) => take(bench, `h${i}`, { name: 'asked' }));
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(1);
    const claim = await take(bench, 'a');
    expect(claim).toEqual({ token: expect.any(Number), untilMs: bench.now() + TTL_MS });
    expect(claim!.token).toBeGreaterThan(0);
    expect(await take(bench, 'b')).toBeNull();
  });

  test('it ends with its time, and the next holder has a greater token', async () => {
    const bench = await harness.openBench();
    const first = await tokenOf(bench, 'a');
    await bench.advance(TTL_MS - 1);
    expect(await take(bench, 'b')).toBeNull();
    await bench.advance(1);
    expect(await renew(bench, 'a', { token: first })).toBe(false);
    expect(await release(bench, 'a', first)).toBe(false);
    expect(await tokenOf(bench, 'b')).toBeGreaterThan(first);
    expect(await renew(bench, 'a', { token: first })).toBe(false);
  });

  test('a renewal gives it more time, and never less', async () => {
    const bench = await harness.openBench();
    const token = await tokenOf(bench, 'a');
    await bench.advance(TTL_MS - 1);
    expect(await renew(bench, 'a', { token })).toBe(true);
    expect(await renew(bench, 'a', { token, ttlMs: MIN_CLAIM_MS })).toBe(true);
    await bench.advance(TTL_MS - 1);
    expect(await take(bench, 'b')).toBeNull();
    await bench.advance(1);
    expect(await tokenOf(bench, 'b')).toBeGreaterThan(token);
  });

  test('the holder that takes it again keeps its token and gets more time', async () => {
    const bench = await harness.openBench();
    const token = await tokenOf(bench, 'a');
    await bench.advance(TTL_MS - 1);
    expect(await take(bench, 'a')).toEqual({ token, untilMs: bench.now() + TTL_MS });
    const untilMs = bench.now() + TTL_MS;
    expect(await take(bench, 'a', { ttlMs: MIN_CLAIM_MS })).toEqual({ token, untilMs });
    await bench.advance(TTL_MS);
    expect(await tokenOf(bench, 'a')).toBeGreaterThan(token);
  });

  test('a holder without the token, and a token without its holder, change nothing', async () => {
    const bench = await harness.openBench();
    const token = await tokenOf(bench, 'a');
    for (const [holder, wrong] of [
      ['a', token + 1],
      ['b', token],
      ['a', token - 1],
    ] as const) {
      expect(await renew(bench, holder, { token: wrong })).toBe(false);
      expect(await release(bench, holder, wrong)).toBe(false);
    }
    expect(await take(bench, 'b')).toBeNull();
    expect(await renew(bench, 'a', { token })).toBe(true);
  });

  test('a released one is free at once, and its token is over', async () => {
    const bench = await harness.openBench();
    const first = await tokenOf(bench, 'a');
    expect(await release(bench, 'a', first)).toBe(true);
    expect(await release(bench, 'a', first)).toBe(false);
    expect(await renew(bench, 'a', { token: first })).toBe(false);
    const second = await tokenOf(bench, 'a');
    expect(second).toBeGreaterThan(first);
    expect(await release(bench, 'a', first)).toBe(false);
    expect(await take(bench, 'b')).toBeNull();
    expect(await release(bench, 'a', second)).toBe(true);
    expect(await tokenOf(bench, 'b')).toBeGreaterThan(second);
  });
}

/** The field that is wrong, then name, holder and time. */
const BAD: readonly (readonly [field: string, name: string, holder: string, ttlMs: number])[] = [
  ['name', '', 'a', TTL_MS],
  ['name', 'a}b', 'a', TTL_MS],
  ['name', 'x'.repeat(256), 'a', TTL_MS],
  ['holder', NAME, ' ', TTL_MS],
  ['holder', NAME, 'a\n', TTL_MS],
  ['ttlMs', NAME, 'a', MIN_CLAIM_MS - 1],
  ['ttlMs', NAME, 'a', MAX_CLAIM_MS + 1],
  ['ttlMs', NAME, 'a', 1_000.5],
  ['ttlMs', NAME, 'a', Number.NaN],
];

function edgeSuite(harness: Harness): void {
  test('names are independent of each other', async () => {
    const bench = await harness.openBench();
    for (const name of ['metrics', 'Metrics', 'metrics:1', ' ü 节', 'x'.repeat(255)]) {
      expect(await take(bench, 'a', { name })).not.toBeNull();
      expect(await take(bench, 'b', { name })).toBeNull();
    }
  });

  test('a bad name, holder or time is refused, by each call and by name', async () => {
    const { claims } = (await harness.openBench()).broker;
    for (const [field, name, holder, ttlMs] of BAD) {
      const refused = { code: 'invalid-value', message: expect.stringContaining(field) };
      await expect(claims.take(name, { holder, ttlMs })).rejects.toMatchObject(refused);
      await expect(claims.renew(name, { holder, token: 1, ttlMs })).rejects.toMatchObject(refused);
      if (field === 'ttlMs') continue;
      await expect(claims.release(name, { holder, token: 1 })).rejects.toMatchObject(refused);
    }
  });

  test('the shortest and the longest time are taken as they are', async () => {
    const bench = await harness.openBench();
    for (const ttlMs of [MIN_CLAIM_MS, MAX_CLAIM_MS]) {
      const name = `t${ttlMs}`;
      expect(await take(bench, 'a', { name, ttlMs })).toMatchObject({ untilMs: bench.now() + ttlMs });
      await bench.advance(ttlMs - 1);
      expect(await take(bench, 'b', { name })).toBeNull();
      await bench.advance(1);
      expect(await take(bench, 'b', { name })).not.toBeNull();
    }
  });
}

/** What one step of a random run does. `token`: which of the tokens given so far; the last ones are the likely ones. */
type Operation =
  | { readonly kind: 'take'; readonly holder: string; readonly ttlMs: number }
  | {
      readonly kind: 'renew' | 'release';
      readonly holder: string;
      readonly token: number;
      readonly ttlMs: number;
    }
  | { readonly kind: 'advance'; readonly ms: number };

const holders = fc.constantFrom('a', 'b', 'c');
const times = fc.integer({ min: MIN_CLAIM_MS, max: 5_000 });
const operations = fc.oneof(
  fc.record({ kind: fc.constant('take' as const), holder: holders, ttlMs: times }),
  fc.record({
    kind: fc.constantFrom('renew' as const, 'release' as const),
    holder: holders,
    token: fc.nat(3),
    ttlMs: times,
  }),
  fc.record({
    kind: fc.constant('advance' as const),
    ms: fc.oneof(fc.nat(5_000), fc.constant(MIN_CLAIM_MS)),
  }),
);

/** The claim as it must be. */
class Model {
  /** All tokens, the newest first. */
  readonly tokens: number[] = [];
  holder: string | null = null;
  endMs = 0;

  isHeldBy(holder: string, token: number, nowMs: number): boolean {
    return this.isHeld(nowMs) && this.holder === holder && this.tokens[0] === token;
  }

  isHeld(nowMs: number): boolean {
    return this.holder !== null && this.endMs > nowMs;
  }

  checkTaken({ holder, ttlMs }: ClaimCall, claim: Claim | null, nowMs: number): void {
    const wasHeld = this.isHeld(nowMs);
    if (wasHeld && this.holder !== holder) return expect(claim).toBeNull();
    const [last = 0] = this.tokens;
    if (!claim) throw new Error('a claim that was free was not given');
    if (wasHeld) expect(claim.token).toBe(last);
    else expect(claim.token).toBeGreaterThan(last);
    if (!wasHeld) this.tokens.unshift(claim.token);
    this.holder = holder;
    this.endMs = Math.max(wasHeld ? this.endMs : 0, nowMs + ttlMs);
    expect(claim.untilMs).toBe(this.endMs);
  }
}

/** Makes a step, and checks its outcome by the model. */
async function makeStep(
  { broker, now, advance }: Bench,
  model: Model,
  [name, step]: readonly [string, Operation],
): Promise<void> {
  if (step.kind === 'advance') return advance(step.ms);
  const nowMs = now();
  if (step.kind === 'take') {
    const claim = await broker.claims.take(name, step);
    return model.checkTaken(step, claim, nowMs);
  }
  const { kind, holder, ttlMs } = step;
  const token = model.tokens[step.token] ?? 1;
  const isHeld = model.isHeldBy(holder, token, nowMs);
  if (kind === 'renew') {
    expect(await broker.claims.renew(name, { holder, token, ttlMs })).toBe(isHeld);
    if (isHeld) model.endMs = Math.max(model.endMs, nowMs + ttlMs);
  } else {
    expect(await broker.claims.release(name, { holder, token })).toBe(isHeld);
    if (isHeld) model.holder = null;
  }
}

function propertySuite(harness: Harness): void {
  test('whatever holders do, one has it, tokens grow, and an old token does nothing', async () => {
    const bench = await harness.openBench();
    let runs = 0;
    const property = fc.asyncProperty(fc.array(operations, { maxLength: 40 }), async (steps) => {
      runs += 1;
      const model = new Model();
      for (const step of steps) await makeStep(bench, model, [`run ${runs}`, step]);
    });
    await fc.assert(property, { numRuns: 40 });
  });
}

/** Work that one instance at a time should do. */
export function claimsSuite(harness: Harness): void {
  describe('claims', () => {
    lifeSuite(harness);
    edgeSuite(harness);
    propertySuite(harness);
  });
}
