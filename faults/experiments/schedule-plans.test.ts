// What schedules owe when nobody fired them for a while, when somebody edits them, and whatever became of their tasks.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  connect,
  createMaintenance,
  createRuntime,
  Schedules,
  systemClock,
  type ScheduleFire,
} from '@task-center/engine';
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import { finishFires } from '../harness/finish-fires.ts';
import { eachSecond, madeTimes, type EachSecond, type EachSecondOptions } from '../harness/fires.ts';
import { until } from '../harness/history.ts';
import type { PlainSchedule } from '../harness/member.ts';
import type { Run } from '../harness/run.ts';
import { startFiring, WORK } from '../harness/schedulers.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** The grace of schedules, unless they say otherwise. */
const GRACE_MS = 60_000;

/** A policy, and how many fires older than grace it makes. */
interface Policy {
  readonly misfire: NonNullable<PlainSchedule['misfire']>;
  readonly makes: number;
}

const POLICIES: readonly Policy[] = [
  { misfire: { policy: 'skip' }, makes: 0 },
  { misfire: { policy: 'fire_once' }, makes: 1 },
  { misfire: { policy: 'catch_up', limit: 3 }, makes: 3 },
  { misfire: { policy: 'catch_up', limit: 1_000 }, makes: 1_000 },
];

const policyOf = (i: number): Policy => POLICIES.at(i % POLICIES.length) ?? { misfire: {}, makes: 1 };

/** Gives the schedules the policies in turn. */
const withPolicies = (span: EachSecond, grace: '1s' | '60s'): EachSecond => ({
  ...span,
  schedules: span.schedules.map((schedule, i) => ({
    ...schedule,
    misfire: { ...policyOf(i).misfire, grace },
  })),
});

/** Starts schedulers that fire schedules of all policies. */
function startPolicies(run: Run, options: EachSecondOptions): Promise<EachSecond> {
  return startFiring(run, { schedulers: 2, change: (span) => withPolicies(span, '1s') }, options);
}

/** Of the lines that one look has written: how many fires were older than grace, and how many of them it made. */
function misfiresByLook(lines: readonly ScheduleFire[]): { total: number; made: number }[] {
  const looks = new Map<number, { total: number; made: number }>();
  for (const { decidedAt, outcome, count } of lines) {
    if (outcome !== 'skipped_misfire' && outcome !== 'caught_up') continue;
    const look = looks.get(decidedAt.getTime()) ?? { total: 0, made: 0 };
    looks.set(decidedAt.getTime(), look);
    look.total += count;
    if (outcome === 'caught_up') look.made += count;
  }
  return [...looks.values()];
}

/** What is wrong with a history: each logical time of the span must be in it once, decided as the policy says. */
function historyFaults(
  lines: readonly ScheduleFire[],
  { fromMs, toMs }: EachSecond,
  { makes }: Policy,
): string[] {
  const faults: string[] = [];
  let nextMs = fromMs;
  for (const { at, until: last, count } of [...lines].sort((a, b) => a.at.getTime() - b.at.getTime())) {
    if (at.getTime() !== nextMs)
      faults.push(`${at.toISOString()} comes instead of ${new Date(nextMs).toISOString()}`);
    nextMs = at.getTime() + count * SECOND_MS;
    if (last.getTime() !== nextMs - SECOND_MS) faults.push(`${count} fires end at ${last.toISOString()}`);
  }
  if (nextMs !== toMs) faults.push(`it ends at ${new Date(nextMs).toISOString()}`);
  for (const { total, made } of misfiresByLook(lines))
    if (made !== Math.min(total, makes)) faults.push(`of ${total} misfires ${made} were made`);
  return faults;
}

/** Compares histories and tasks with the policies. Resolves to the most misfires that one look has met. */
async function checkPolicies(run: Run, span: EachSecond): Promise<number> {
  const schedules = new Schedules(run.broker!);
  const made = madeTimes(run.content!);
  let most = 0;
  for (const [i, { id }] of span.schedules.entries()) {
    const lines = await schedules.fires(id, { limit: 100 });
    expect(historyFaults(lines, span, policyOf(i)), `history of ${id}`).toEqual([]);
    const withTasks = lines.filter(({ taskId }) => taskId !== null).map(({ at }) => at.getTime());
    expect(made.get(id) ?? [], `fires of ${id}`).toEqual(withTasks.sort((a, b) => a - b));
    most = Math.max(most, ...misfiresByLook(lines).map(({ total }) => total));
  }
  return most;
}

experiment(
  'C4',
  {
    title: 'the broker is down while schedules should fire ten times, with each policy',
    tier: 1,
    on: ['redis-aof', 'sqlite'],
    may: { duplicates: ['killed', 'lease-lost'] },
  },
  async (run) => {
    const outages = run.times(1, 3);
    const outageMs = run.times(5_000, 10_000);
    const seconds = outages * (outageMs / SECOND_MS + 7) + 3;
    const span = await startPolicies(run, { count: run.times(8, 40), seconds });
    await sleep(span.fromMs - Date.now());
    for (let i = 0; i < outages; i += 1) {
      await run.phase(1_000, 3_000);
      run.fault('the broker is down');
      const owner = run.bed.isSingleProcess ? run.schedulers.at(0) : undefined;
      if (owner) {
        await owner.kill();
        await sleep(outageMs);
        await run.startAgain(owner);
      } else {
        await run.bed.server.kill();
        await sleep(outageMs);
        await run.bed.server.restart();
      }
      run.heal('the broker is back');
      await sleep(3_000);
    }
    await sleep(span.toMs + 5_000 - Date.now());
    await run.finish();
    const most = await checkPolicies(run, span);
    run.fact('fires', [...madeTimes(run.content!).values()].flat().length);
    run.fact('most misfires of a look', most);
    expect(most, 'misfires of a look').toBeGreaterThanOrEqual(outageMs / SECOND_MS - 3);
  },
);

/** Puts the schedules and has each fire, all of it three days ago; then nobody fires. */
async function fireDaysAgo(run: Run, schedules: readonly PlainSchedule[], agoMs: number): Promise<void> {
  const wallMs = () => Date.now() - agoMs;
  const broker = await connect(run.bed.url, { nowMs: wallMs, log: false });
  const clock = { ...systemClock, wallMs };
  const runtime = createRuntime({ clock }, broker.log);
  const library = new Schedules(broker, { runtime });
  for (const { startsAtMs: _from, endsAtMs, ...schedule } of schedules)
    await library.put({ ...schedule, ...(endsAtMs !== undefined && { endsAt: new Date(endsAtMs) }) });
  const queues = ['default'];
  const maintenance = createMaintenance({ broker, queues: () => queues, runtime });
  maintenance.start();
  const haveFired = async () => (await library.list()).every(({ runs }) => runs > 0);
  await until(haveFired, { what: 'all schedules have fired' });
  await maintenance.stop();
  await broker.close();
}

/** Compares with the policy what was made of a schedule, and what was left out. */
function checkAfterDays(run: Run, { id, toMs, makes }: { id: string; toMs: number; makes: number }): void {
  const made = madeTimes(run.content!).get(id) ?? [];
  const of = run.lines().filter((line) => 'schedule' in line && line.schedule === id);
  const leftOut = of.flatMap((line) => (line.e === 'left-out' ? [line] : []));
  expect(
    leftOut.map(({ outcome }) => outcome),
    `left out of ${id}`,
  ).toEqual(['skipped_misfire']);
  const [{ fromMs, toMs: lastMs, count } = { fromMs: 0, toMs: 0, count: 0 }] = leftOut;
  expect(count, `fires of ${id} left out`).toBe((lastMs - fromMs) / SECOND_MS + 1);
  // Before and behind what was left out each second was made.
  const firstMs = made[0] ?? 0;
  const seconds = Array.from({ length: (toMs - firstMs) / SECOND_MS }, (_, i) => firstMs + i * SECOND_MS);
  expect(made, `fires of ${id}`).toEqual(seconds.filter((ms) => ms < fromMs || ms > lastMs));
  // The first fire behind that was decided together with it.
  const first = of.find((line) => line.e === 'fired' && line.fireMs === lastMs + SECOND_MS);
  const decidedMs = first?.e === 'fired' ? first.fireMs + first.lateMs : NaN;
  const caughtUp = made.filter((ms) => ms > lastMs && ms < decidedMs - GRACE_MS).length;
  expect(caughtUp, `fires of ${id} that were caught up`).toBe(makes);
}

experiment(
  'C6',
  {
    title: 'nobody fires schedules of each second for three days; with each policy',
    tier: 1,
    on: ['redis', 'sqlite'],
  },
  async (run) => {
    const span = withPolicies(eachSecond({ count: run.times(4, 40), seconds: 15, leadMs: 10_000 }), '60s');
    await fireDaysAgo(run, span.schedules, 3 * DAY_MS);
    const queues = ['default'];
    if (run.bed.isSingleProcess) {
      await run.start({ work: WORK, produce: { count: 0 }, schedules: { queues } });
    } else {
      await run.start({ work: WORK });
      await Promise.all([1, 2, 3].map(() => run.start({ schedules: { queues } })));
    }
    const caughtUp = () =>
      run.lines().filter((line) => line.e === 'fired' && line.fireMs === span.toMs - SECOND_MS).length;
    await until(() => caughtUp() === span.schedules.length, {
      what: 'all schedules have made their last fire',
      limitMs: 60_000,
    });
    await run.finish();
    for (const [i, { id }] of span.schedules.entries())
      checkAfterDays(run, { id, toMs: span.toMs, makes: policyOf(i).makes });
    const skipped = run.lines().flatMap((line) => (line.e === 'left-out' ? [line.count] : []));
    run.fact('fires', [...madeTimes(run.content!).values()].flat().length);
    run.fact(
      'left out',
      skipped.reduce((sum, count) => sum + count, 0),
    );
  },
);

experiment(
  'C8',
  {
    title: 'schedules are edited, or removed and put back, again and again while they fire',
    tier: 1,
    on: ['redis', 'sqlite'],
  },
  async (run) => {
    const options = { count: 20, seconds: run.times(10, 60) };
    const halves = ({ schedules, toMs }: EachSecond) => ({
      edit: schedules.filter((_, i) => i % 2 === 0),
      replace: schedules.filter((_, i) => i % 2 === 1),
      // One that can fire no more is refused.
      editUntilMs: toMs - 3_000,
    });
    const span = await startFiring(run, { schedulers: 3, editing: halves }, options);
    await sleep(span.toMs + 2_000 - Date.now());
    const { edit } = halves(span);
    // An edit takes no fire away. One that was removed over its time has lost it, and makes none twice.
    await finishFires(run, { ...span, schedules: edit });
    const edits = run.lines().filter(({ e }) => e === 'edited').length;
    run.fact('edits', edits);
    expect(edits, 'edits').toBeGreaterThan(span.schedules.length);
  },
);

experiment(
  'C9',
  {
    title: 'the tasks of earlier fires are archived, retained or still run',
    tier: 1,
    on: ['redis', 'sqlite'],
  },
  async (run) => {
    const does = [{ throw: 'it fails' }, {}, { ms: 1_500 }, { fail: 1 }];
    const queued = (span: EachSecond): EachSecond => ({
      ...span,
      // Those of short runs wait for each other; the others may overlap.
      schedules: span.schedules.map((schedule, i) =>
        i % 4 !== 2 && i % 8 < 4 ? { ...schedule, overlap: 'queue' } : schedule,
      ),
    });
    const options = { count: 16, seconds: run.times(8, 60), does };
    const span = await startFiring(run, { schedulers: 3, change: queued }, options);
    await finishFires(run, span);
    const states = [...run.content!.tasks.values()].map(({ state }) => state);
    run.fact('archived', states.filter((state) => state === 'archived').length);
  },
);
