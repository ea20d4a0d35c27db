import { expect, it } from 'vitest';
import { createFakeClock, type FakeClock } from '../../test/support/fake-clock.ts';
import { isTaskCenterError } from '../errors/task-center-error.ts';
import type { AllowableFinding, BrokerFacts } from '../broker/findings.ts';
import { Events, type EngineEvents } from '../runtime/events.ts';
import { createRuntime } from '../runtime/runtime.ts';
import { FindingWatch, type FindingCheck, type Found } from './finding-watch.ts';

const FACTS: BrokerFacts = {
  kind: 'redis',
  version: null,
  role: null,
  memory: null,
  persistence: null,
  disk: null,
};
const EVICTION: Found = { code: 'eviction', severity: 'error', detail: 'it evicts', fix: 'Do not let it.' };
const NO_DISK: Found = { code: 'persistence', severity: 'warning', detail: 'no disk', fix: 'Buy one.' };

interface Bench {
  readonly watch: FindingWatch;
  readonly clock: FakeClock;
  /** What the check finds at its next look; an error is thrown. */
  found: readonly Found[] | Error;
  looks: number;
  readonly told: string[];
}

function bench(found: Bench['found'], allow: readonly AllowableFinding[] = []): Bench {
  const clock = createFakeClock();
  const events = new Events();
  const told: string[] = [];
  const tell = ({ code, severity, hasEnded }: EngineEvents['broker.finding']) =>
    told.push(`${code} ${hasEnded ? 'ended' : severity}`);
  events.on('broker.finding', tell);
  const check: FindingCheck = {
    name: 'server',
    everyMs: 60_000,
    look() {
      state.looks += 1;
      const { found: next } = state;
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
  };
  const runtime = createRuntime({ clock, events });
  const watch = new FindingWatch({
    broker: 'redis://x',
    runtime,
    allow,
    checks: [check],
    facts: () => FACTS,
  });
  const state: Bench = { watch, clock, found, looks: 0, told };
  return state;
}

const submit = (watch: FindingWatch) => watch.guard({ enqueue: () => Promise.resolve([]) }).enqueue([]);

it('refuses a start with what voids the promises, and says what to do', async () => {
  const { watch } = bench([NO_DISK, EVICTION]);
  await expect(watch.start()).rejects.toMatchObject({
    code: 'broker-unsafe',
    message: 'The broker redis://x cannot keep its promises: it evicts (eviction). Nothing was stored.',
    fix: 'Do not let it. To use it all the same, name eviction in broker_allow (library: allow). Then try again.',
  });
});

it('starts with a warning, and with an error that is allowed, and tells both', async () => {
  const { watch, told } = bench([NO_DISK, EVICTION], ['eviction']);
  await watch.start();
  expect(told).toEqual(['persistence warning', 'eviction warning']);
  await expect(submit(watch)).resolves.toEqual([]);
});

it('refuses a start for what only a start is refused for', async () => {
  const { watch } = bench([{ ...EVICTION, severity: 'warning', refusesStart: true }]);
  await expect(watch.start()).rejects.toSatisfy((error) => isTaskCenterError(error, 'broker-unsafe'));
});

it('notices within a minute, tells once, refuses submissions, and notices the end within a second', async () => {
  const state = bench([]);
  const { watch, clock, told } = state;
  await watch.start();
  state.found = [EVICTION];
  await clock.advance(58_000);
  expect(state.looks).toBe(1);
  await clock.advance(2_000);
  expect(watch.current()).toMatchObject([{ code: 'eviction', sinceMs: clock.wallMs() }]);
  await expect(submit(watch)).rejects.toMatchObject({ code: 'broker-unsafe' });
  state.found = [{ ...EVICTION, detail: 'it evicts more' }];
  await clock.advance(10_000);
  expect(told).toEqual(['eviction error']);
  expect(watch.current()).toMatchObject([{ detail: 'it evicts more', sinceMs: clock.wallMs() - 10_000 }]);
  state.found = [];
  await clock.advance(1_000);
  expect(told).toEqual(['eviction error', 'eviction ended']);
  expect(watch.current()).toEqual([]);
  await expect(submit(watch)).resolves.toEqual([]);
});

it('tells a finding anew when it gets worse, or is about something else', async () => {
  const state = bench([{ ...EVICTION, severity: 'warning', subject: 'a' }]);
  const { watch, clock, told } = state;
  await watch.start();
  state.found = [{ ...EVICTION, subject: 'a' }];
  await clock.advance(60_000);
  state.found = [{ ...EVICTION, subject: 'b' }];
  await clock.advance(1_000);
  expect(told).toEqual(['eviction warning', 'eviction error', 'eviction error']);
});

it('tells the end of one of two findings of a kind', async () => {
  const state = bench(['a', 'b'].map((subject) => ({ ...NO_DISK, subject })));
  const { watch, clock, told } = state;
  await watch.start();
  state.found = [{ ...NO_DISK, subject: 'b' }];
  await clock.advance(60_000);
  expect(told).toEqual(['persistence warning', 'persistence warning', 'persistence ended']);
});

it('looks again within a second of a hint, and at most once a second', async () => {
  const state = bench([]);
  const { watch, clock } = state;
  await watch.start();
  for (let i = 0; i < 100; i += 1) watch.hint();
  await clock.advance(1_000);
  expect(state.looks).toBe(2);
  await clock.advance(10_000);
  expect(state.looks).toBe(2);
});

it('keeps what it knows while it cannot look', async () => {
  const state = bench([NO_DISK]);
  const { watch, clock, told } = state;
  await watch.start();
  state.found = new Error('no answer');
  await clock.advance(120_000);
  expect(watch.current()).toMatchObject([{ code: 'persistence' }]);
  expect(told).toEqual(['persistence warning']);
});

it('looks no more once it is closed', async () => {
  const state = bench([]);
  await state.watch.start();
  state.watch.close();
  state.watch.hint();
  await state.clock.advance(120_000);
  expect(state.looks).toBe(1);
});
