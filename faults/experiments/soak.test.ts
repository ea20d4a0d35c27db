// Random faults for many minutes, with a watch on memory.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import type { Member } from '../harness/member.ts';
import type { Run } from '../harness/run.ts';

const SAMPLE_MS = 2_000;
/** Memory is measured only after this age: before, a process loads code and warms up. */
const WARM_MS = 60_000;
/** How many processes are measured: those that lived longest. */
const WATCHED = 2;
const PRODUCE = { perSecond: 20, retryUnknown: true };

const minutesOf = (run: Run): number => Number(process.env['FAULTS_SOAK_MINUTES'] || run.times(1, 20));

const rssMb = ({ pid }: Member): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Measures how the longest-living processes grow, from the first third of their time after warm-up to the last third. */
class MemoryWatch {
  readonly #run: Run;
  readonly #samples = new Map<Member, { readonly at: number; readonly mb: number }[]>();
  readonly #timer: NodeJS.Timeout;

  constructor(run: Run) {
    this.#run = run;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
    run.cleanUp(() => clearInterval(this.#timer));
  }

  /** Stops. `last`, `growth`: the largest final RSS and the largest growth of one process, MB. */
  end(): { readonly last: number; readonly growth: number; readonly minutes: string } {
    clearInterval(this.#timer);
    let [last, growth] = [0, 0];
    const longest = [...this.#samples.values()].sort((a, b) => b.length - a.length).slice(0, WATCHED);
    for (const samples of longest) {
      const [first] = samples;
      const warm = samples.filter(({ at }) => first && at - first.at >= WARM_MS).map(({ mb }) => mb);
      const third = Math.floor(warm.length / 3);
      if (third < 5) continue;
      const end = median(warm.slice(-third));
      last = Math.max(last, end);
      growth = Math.max(growth, end - median(warm.slice(0, third)));
    }
    const minutes = longest.map(({ length }) => ((length * SAMPLE_MS) / 60_000).toFixed(1)).join(', ');
    return { last: Math.round(last), growth: Math.round(growth), minutes };
  }

  #sample(): void {
    for (const member of this.#run.members) {
      if (!member.isAlive) continue;
      const samples = this.#samples.get(member) ?? [];
      this.#samples.set(member, samples);
      try {
        samples.push({ at: performance.now(), mb: rssMb(member) });
      } catch {
        // The process has just ended.
      }
    }
  }
}

async function killAndRestart(run: Run, member: Member): Promise<void> {
  await member.kill();
  await run.startAgain(member);
}

async function pauseForAWhile(run: Run, member: Member): Promise<void> {
  member.pause();
  await run.phase(500, 12_000);
  member.resume();
}

/** Causes random faults. Each is healed before the next begins. Resolves to their number. */
async function injectFaults(run: Run, faults: readonly (() => Promise<unknown>)[]): Promise<number> {
  const endMs = performance.now() + minutesOf(run) * 60_000;
  let count = 0;
  while (performance.now() < endMs) {
    await run.phase(2_000, 10_000);
    await run.random.pick(faults)();
    count += 1;
  }
  return count;
}

async function finishAndReport(run: Run, watch: MemoryWatch, faults: number): Promise<void> {
  await sleep(10_000);
  const { last, growth, minutes } = watch.end();
  run.fact('minutes', minutesOf(run));
  run.fact('faults', faults);
  run.fact('lives of the processes watched, min', minutes);
  run.fact('largest RSS at the end, MB', last);
  run.fact('largest growth of RSS, MB', growth);
  await run.finish({ drainMs: 120_000 });
  expect(growth, 'growth of RSS, MB').toBeLessThan(20);
}

const MAY = { duplicates: ['killed', 'lease-lost', 'given-back'], recoveryMs: 25_000 } as const;
const LIMITS = { limitMs: 300_000, fullLimitMs: 2_400_000 };

experiment(
  'U6',
  {
    title: 'soak: random faults, one after another',
    tier: 2,
    on: ['redis-aof'],
    may: MAY,
    ...LIMITS,
  },
  async (run) => {
    const link = await run.link();
    const { server } = run.bed;
    // One worker and one producer are never killed: their memory is measured.
    await run.fleet({ workers: 4, producers: 3, url: link.url, produce: PRODUCE });
    const steady = [run.workers[0], run.producers[0]];
    const watch = new MemoryWatch(run);
    const pickVictim = (members: readonly Member[]) =>
      run.random.pick(members.filter((member) => !steady.includes(member)));
    const healLater = async (heal: () => unknown) => {
      await run.phase(200, 8_000);
      heal();
    };
    const faults = await injectFaults(run, [
      () => killAndRestart(run, pickVictim(run.workers)),
      () => pauseForAWhile(run, run.random.pick(run.workers)),
      () => killAndRestart(run, pickVictim(run.producers)),
      async () => {
        const leaving = pickVictim(run.workers);
        await leaving.stop();
        await run.startAgain(leaving);
      },
      async () => {
        run.fault('connections are reset');
        link.reset();
        run.heal('connections are reset');
      },
      () => {
        run.fault('nothing passes', run.workers);
        link.block('requests', 'replies');
        return healLater(() => {
          link.heal();
          run.heal('all passes', run.workers);
        });
      },
      () => {
        run.fault('no reply passes', run.workers);
        link.block('replies');
        return healLater(() => {
          link.heal();
          run.heal('all passes', run.workers);
        });
      },
      async () => {
        run.fault('Redis is stopped');
        server.pause();
        await healLater(() => server.resume());
        run.heal('Redis goes on');
      },
      async () => {
        run.fault('SIGKILL of Redis');
        await server.kill();
        await run.phase(0, 4_000);
        await server.restart();
        run.heal('Redis is back');
      },
      async () => {
        link.setQuality({ latencyMs: 100, jitterMs: 80 });
        await healLater(() => link.setQuality());
      },
    ]);
    await finishAndReport(run, watch, faults);
  },
);

experiment(
  'U6',
  {
    title: 'soak: random faults, one after another',
    tier: 2,
    on: ['sqlite'],
    may: MAY,
    ...LIMITS,
  },
  async (run) => {
    await run.fleet({ produce: PRODUCE });
    const watch = new MemoryWatch(run);
    const owner = () => run.random.pick(run.workers);
    // Mostly paused and rarely killed, as its memory is measured, too.
    const pause = () => pauseForAWhile(run, owner());
    const faults = await injectFaults(run, [
      ...Array.from({ length: 12 }, () => pause),
      () => killAndRestart(run, owner()),
      async () => {
        const leaving = owner();
        await leaving.stop();
        await run.startAgain(leaving);
      },
    ]);
    await finishAndReport(run, watch, faults);
  },
);
