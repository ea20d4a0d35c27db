import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '@task-center/engine';
import { eventsOf, type Events } from './attempts.ts';
import { makeBed, type Bed, type Deployment, type ServerOptions } from './bed.ts';
import { judge, type Allowed, type Verdict } from './checker.ts';
import { readBrokerContent, unfinished, type BrokerContent } from './broker-content.ts';
import { now, until, type Line } from './history.ts';
import { startLink, type Link } from './link.ts';
import {
  Member,
  type MemberOptions,
  type RecordEvent,
  type ProduceOptions,
  type WorkOptions,
} from './member.ts';
import type { Random } from './seed.ts';

/** Several workers and producers. */
export interface FleetOptions extends Pick<MemberOptions, 'launch' | 'url'> {
  /** Default 4. */
  readonly workers?: number;
  /** Default 3. */
  readonly producers?: number;
  readonly work?: WorkOptions;
  /** Options of each producer. Default: 50 tasks/s of the usual mix, until the end. */
  readonly produce?: ProduceOptions;
}

interface RunDeps {
  readonly bed: Bed;
  readonly random: Random;
  readonly full: boolean;
  readonly folder: string;
  readonly allowed: Allowed;
}

const PER_SECOND = 50;
const CONCURRENCY = 10;
const DRAIN_MS = 60_000;
/** Attempts that {@link Run.flow} waits for by default. */
const FLOW_STARTS = 10;

/** A running experiment, as its function gets it. */
export class Run {
  readonly bed: Bed;
  /** The only source of chance, which makes a run repeatable by its seed. */
  readonly random: Random;
  /** All members that were started, including those that have ended. */
  readonly members: Member[] = [];
  verdict: Verdict | null = null;
  /** The content of the broker at the end; null until `finish`. */
  content: BrokerContent | null = null;
  /** The broker, open once the experiment has ended; null until `finish`. */
  broker: Broker | null = null;
  readonly facts: Record<string, number | string> = {};
  readonly #deps: RunDeps;
  readonly #lines: Line[] = [];
  #supervised = false;
  /** Replacements that are being started. */
  readonly #replacing = new Set<Promise<Member>>();
  readonly #onCleanUp: (() => Promise<unknown> | void)[] = [];

  private constructor(deps: RunDeps) {
    this.bed = deps.bed;
    this.random = deps.random;
    this.#deps = deps;
  }

  static async begin(
    deployment: Deployment,
    { redis, ...deps }: Omit<RunDeps, 'bed'> & { readonly redis?: ServerOptions },
  ): Promise<Run> {
    mkdirSync(deps.folder, { recursive: true });
    return new Run({ ...deps, bed: await makeBed(deployment, redis) });
  }

  /** Living members with a worker. */
  get workers(): Member[] {
    return this.members.filter(({ isWorker, isAlive }) => isWorker && isAlive);
  }

  /** Living members that fire schedules. */
  get schedulers(): Member[] {
    return this.members.filter(
      ({ options, isAlive }) => isAlive && (options.schedules?.queues?.length ?? 0) > 0,
    );
  }

  /** Living members that produce. */
  get producers(): Member[] {
    return this.members.filter(({ options, isAlive }) => options.produce !== undefined && isAlive);
  }

  /** The number of repeats: `few` in CI, `many` in a full run. */
  times(few: number, many: number): number {
    return this.#deps.full ? many : few;
  }

  /** Waits for a random time, ms, which lets a fault hit any phase. */
  async phase(fromMs: number, toMs: number): Promise<void> {
    await sleep(this.random.between(fromMs, toMs));
  }

  /** Adds a figure to the report. */
  fact(name: string, value: number | string): void {
    this.facts[name] = value;
  }

  /** Records a fault of the broker, of the network or of members. */
  fault(what: string, of: readonly Member[] = []): void {
    this.#record({ e: 'fault', what, of: of.map(({ name }) => name) });
  }

  /** Records its end, from which recovery is measured. */
  heal(what: string, of: readonly Member[] = []): void {
    this.#record({ e: 'heal', what, of: of.map(({ name }) => name) });
  }

  /** Registers what is undone at the end in any case, last registered first. */
  cleanUp(undo: () => Promise<unknown> | void): void {
    this.#onCleanUp.push(undo);
  }

  /** Starts a network link to the single server, or to `port`, for members that get its `url`. */
  async link(port: number = this.bed.server.port): Promise<Link> {
    const link = await startLink(port, () => this.random.next());
    this.cleanUp(() => link.close());
    return link;
  }

  /** Starts a process; resolves when it is ready. On SQLite only one may be alive. */
  async start(options: MemberOptions): Promise<Member> {
    if (this.bed.isSingleProcess && this.members.some(({ isAlive }) => isAlive))
      throw new Error('a SQLite file is used by one process: give it both `work` and `produce`');
    const { produce, work, schedules } = options;
    const kind = work ? (produce ? 'both' : 'worker') : schedules ? 'scheduler' : 'producer';
    const name = `${kind}-${this.members.length + 1}`;
    const seed = this.random.seed + this.members.length;
    const member = new Member({
      name,
      url: this.bed.url,
      log: join(this.#deps.folder, `${name}.jsonl`),
      options: { ...options, ...(produce && { produce: { seed, ...produce } }) },
      record: this.#record,
      onExit: (exit) => {
        this.#lines.push({ e: 'exit', t: now(), member: 'test', ...exit });
        if (this.#supervised && !exit.isRequested && exit.code !== 0) this.#replace(member);
      },
    });
    this.members.push(member);
    await member.ready();
    return member;
  }

  /** From now on each process that ends by itself with an error is replaced. */
  supervise(): void {
    this.#supervised = true;
  }

  /** Starts a replacement of a process that has ended. */
  startAgain(member: Member): Promise<Member> {
    return this.start(member.successor());
  }

  /** Starts producers and workers that run until `finish`. On SQLite one process does the work of all. */
  async fleet(options: FleetOptions = {}): Promise<void> {
    const { workers = 4, producers = 3, work = {}, produce = {}, ...shared } = options;
    const { concurrency = CONCURRENCY } = work;
    const { perSecond = PER_SECOND } = produce;
    if (this.bed.isSingleProcess) {
      await this.start({
        ...shared,
        work: { ...work, concurrency: concurrency * workers },
        ...(producers > 0 && { produce: { ...produce, perSecond: perSecond * producers } }),
      });
      return;
    }
    const working = Array.from({ length: workers }, () => ({ ...shared, work: { ...work, concurrency } }));
    const producing = Array.from({ length: producers }, () => ({
      ...shared,
      produce: { ...produce, perSecond },
    }));
    await Promise.all([...working, ...producing].map((member) => this.start(member)));
  }

  /** Resolves when the workers have started `starts` more attempts. */
  async flow(starts = FLOW_STARTS, limitMs = 30_000): Promise<void> {
    const count = () => this.#read().reduce((sum, line) => sum + (line.e === 'start' ? 1 : 0), 0);
    const before = count();
    await until(() => count() >= before + starts, { what: `${starts} more attempts start`, limitMs });
  }

  /** Resolves when all living producers have enqueued their tasks. Only for producers with a `count`. */
  async produced(limitMs = 60_000): Promise<void> {
    const done = ({ history }: Member) => history.read().some(({ e }) => e === 'produced');
    const holds = () => this.#replacing.size === 0 && this.producers.every(done);
    await until(holds, { what: 'all tasks are enqueued', limitMs });
  }

  /** Resolves to the first new event of any member that matches. */
  async saw(matches: (line: Line) => boolean, limitMs = 30_000): Promise<Line> {
    const from = now();
    const found = () => this.#read().find((line) => line.t >= from && matches(line));
    await until(() => found() !== undefined, { what: 'a member records a matching event', limitMs });
    return found()!;
  }

  /** @throws Error when there is no member of this name */
  member(name: string): Member {
    const found = this.members.find((member) => member.name === name);
    if (found) return found;
    throw new Error(`there is no member ${name}`);
  }

  /** All events so far, of the members and of the test. */
  lines(): Line[] {
    return [...this.#read(), ...this.#lines];
  }

  /** The events so far by task. */
  events(): Events {
    return eventsOf(this.lines().sort((a, b) => a.t - b.t));
  }

  /**
   * Ends the experiment. The producers stop, the remaining tasks are processed (by a new worker if none is alive), all
   * members stop in order, and the run is judged. Faults must be healed before.
   *
   * @param drainMs time limit for the remaining tasks (I2). Default 60,000.
   * @throws Error that lists all violations
   */
  async finish({ drainMs = DRAIN_MS }: { readonly drainMs?: number } = {}): Promise<Verdict> {
    if (this.workers.length === 0)
      await this.start({ work: {}, ...(this.bed.isSingleProcess && { produce: { count: 0 } }) });
    await Promise.all(this.producers.map((member) => member.stopProducing()));
    await this.#waitUntilDrained(drainMs);
    await Promise.all(this.members.filter(({ isAlive }) => isAlive).map((member) => member.stop()));
    this.broker = await this.bed.connect();
    this.content = await readBrokerContent(this.broker);
    this.verdict = judge(this.lines(), this.content, this.#deps.allowed);
    const { violations } = this.verdict;
    if (violations.length > 0) throw new Error(violations.join('\n'));
    return this.verdict;
  }

  /** Undoes what was registered, kills the members and removes the broker. */
  async remove(): Promise<void> {
    this.#supervised = false;
    await Promise.allSettled(this.#replacing);
    for (const undo of this.#onCleanUp.reverse()) await undo();
    await Promise.all(this.members.filter(({ isAlive }) => isAlive).map((member) => member.kill()));
    await this.bed.remove();
  }

  async #waitUntilDrained(limitMs: number): Promise<void> {
    const what = 'all tasks have ended (I2)';
    if (!this.bed.isSingleProcess) {
      const broker = await this.bed.connect();
      return until(async () => (await unfinished(broker)) === 0, { what, limitMs });
    }
    const from = now();
    const isEmpty = (line: Line) => line.e === 'remaining' && line.t > from && line.tasks === 0;
    return until(() => this.workers.some(({ history }) => history.read().some(isEmpty)), { what, limitMs });
  }

  /** All events of the members so far. */
  #read(): Line[] {
    return this.members.flatMap(({ history }) => history.read());
  }

  /** Starts a replacement. `remove` waits until it is ready or has failed. */
  #replace(member: Member): void {
    const replacing = this.startAgain(member);
    this.#replacing.add(replacing);
    void Promise.allSettled([replacing]).then(() => this.#replacing.delete(replacing));
  }

  readonly #record: RecordEvent = (line) => void this.#lines.push({ t: now(), member: 'test', ...line });
}
