import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventsOf, type Events } from './attempts.ts';
import { makeBed, type Bed, type Deployment, type ServerOptions } from './bed.ts';
import { judge, type Allowed, type Verdict } from './checker.ts';
import { readBrokerContent, unfinished, type BrokerContent } from './held.ts';
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

/** Processes that work at once. */
export interface FleetOptions extends Pick<MemberOptions, 'launch' | 'url'> {
  /** Default 4. */
  readonly workers?: number;
  /** Default 3. */
  readonly producers?: number;
  readonly work?: WorkOptions;
  /** Of each producer. Default: 50 tasks/s of the usual mix, until the end. */
  readonly produce?: ProduceOptions;
}

interface RunParts {
  readonly bed: Bed;
  readonly random: Random;
  readonly full: boolean;
  readonly folder: string;
  readonly allowed: Allowed;
}

const PER_SECOND = 50;
const CONCURRENCY = 10;
const DRAIN_MS = 60_000;
const FEW = 10;

/** An experiment under way: what its function is given. */
export class Run {
  readonly bed: Bed;
  /** All chance comes from here, so that a run can be repeated. */
  readonly random: Random;
  /** Every member that was started, the dead too. */
  readonly members: Member[] = [];
  verdict: Verdict | null = null;
  /** What the broker held at the end; null = it is not over. */
  content: BrokerContent | null = null;
  readonly facts: Record<string, number | string> = {};
  readonly #parts: RunParts;
  readonly #lines: Line[] = [];
  #supervised = false;
  /** Members that take the place of others. */
  readonly #replacing = new Set<Promise<Member>>();
  readonly #onCleanUp: (() => Promise<unknown> | void)[] = [];

  private constructor(parts: RunParts) {
    this.bed = parts.bed;
    this.random = parts.random;
    this.#parts = parts;
  }

  static async begin(
    deployment: Deployment,
    { redis, ...parts }: Omit<RunParts, 'bed'> & { readonly redis?: ServerOptions },
  ): Promise<Run> {
    mkdirSync(parts.folder, { recursive: true });
    return new Run({ ...parts, bed: await makeBed(deployment, redis) });
  }

  /** Members that work and are alive. */
  get workers(): Member[] {
    return this.members.filter(({ isWorker, isAlive }) => isWorker && isAlive);
  }

  get producers(): Member[] {
    return this.members.filter(({ options, isAlive }) => options.produce !== undefined && isAlive);
  }

  /** How often to repeat: few in tier 1, as often as the paper asks in a full run. */
  times(few: number, many: number): number {
    return this.#parts.full ? many : few;
  }

  /** A wait of a random length, from and to ms, so that a fault meets any phase. */
  async phase(fromMs: number, toMs: number): Promise<void> {
    await sleep(this.random.between(fromMs, toMs));
  }

  /** Keeps what was measured for the report. */
  fact(name: string, value: number | string): void {
    this.facts[name] = value;
  }

  /** Writes down what the test does to the broker or the network; recovery is counted from `heal`. */
  fault(what: string, of: readonly Member[] = []): void {
    this.#record({ e: 'fault', what, of: of.map(({ name }) => name) });
  }

  heal(what: string, of: readonly Member[] = []): void {
    this.#record({ e: 'heal', what, of: of.map(({ name }) => name) });
  }

  /** Is done at the end, whatever happens: the last first. */
  cleanUp(act: () => Promise<unknown> | void): void {
    this.#onCleanUp.push(act);
  }

  /** A link to the one server of `redis…`, or to this port, for members that are given its `url`. */
  async link(port: number = this.bed.server.port): Promise<Link> {
    const link = await startLink(port, () => this.random.next());
    this.cleanUp(() => link.close());
    return link;
  }

  /** Starts a process; resolves when it is connected. On SQLite only one may live. */
  async start(options: MemberOptions): Promise<Member> {
    if (this.bed.isSingleProcess && this.members.some(({ isAlive }) => isAlive))
      throw new Error('a SQLite file has one process: give it both `work` and `produce`');
    const { produce, work } = options;
    const kind = work ? (produce ? 'both' : 'worker') : 'producer';
    const name = `${kind}-${this.members.length + 1}`;
    const seed = this.random.seed + this.members.length;
    const member = new Member({
      name,
      url: this.bed.url,
      log: join(this.#parts.folder, `${name}.jsonl`),
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

  /** From now on another process takes the place of each that ends by itself with an error. */
  supervise(): void {
    this.#supervised = true;
  }

  /** Another process takes the place of one that is gone. */
  startAgain(member: Member): Promise<Member> {
    return this.start(member.successor());
  }

  /** Producers and workers, which go on until `finish`; on SQLite one process that does the work of all. */
  async fleet(options: FleetOptions = {}): Promise<void> {
    const { workers = 4, producers = 3, work = {}, produce = {}, ...how } = options;
    const { concurrency = CONCURRENCY } = work;
    const { perSecond = PER_SECOND } = produce;
    if (this.bed.isSingleProcess) {
      await this.start({
        ...how,
        work: { ...work, concurrency: concurrency * workers },
        ...(producers > 0 && { produce: { ...produce, perSecond: perSecond * producers } }),
      });
      return;
    }
    const working = Array.from({ length: workers }, () => ({ ...how, work: { ...work, concurrency } }));
    const producing = Array.from({ length: producers }, () => ({
      ...how,
      produce: { ...produce, perSecond },
    }));
    await Promise.all([...working, ...producing].map((one) => this.start(one)));
  }

  /** Resolves when the workers have started so many attempts more. */
  async flow(starts = FEW, limitMs = 30_000): Promise<void> {
    const count = () => this.#read().reduce((sum, line) => sum + (line.e === 'start' ? 1 : 0), 0);
    const before = count();
    await until(() => count() >= before + starts, { what: `${starts} more attempts start`, limitMs });
  }

  /** Resolves when producers of a certain number of tasks have made them all. */
  async produced(limitMs = 60_000): Promise<void> {
    const done = ({ history }: Member) => history.read().some(({ e }) => e === 'produced');
    const holds = () => this.#replacing.size === 0 && this.producers.every(done);
    await until(holds, { what: 'all tasks are made', limitMs });
  }

  /** Resolves to the first line of any member that fits, from now on. */
  async saw(fits: (line: Line) => boolean, limitMs = 30_000): Promise<Line> {
    const from = now();
    const found = () => this.#read().find((line) => line.t >= from && fits(line));
    await until(() => found() !== undefined, { what: 'a member tells a fitting event', limitMs });
    return found()!;
  }

  /** @throws Error when there is none of this name */
  member(name: string): Member {
    const found = this.members.find((member) => member.name === name);
    if (found) return found;
    throw new Error(`there is no member ${name}`);
  }

  /** All lines so far, of members and the test. */
  lines(): Line[] {
    return [...this.#read(), ...this.#lines];
  }

  /** What the lines so far say of tasks. */
  events(): Events {
    return eventsOf(this.lines().sort((a, b) => a.t - b.t));
  }

  /**
   * Ends the experiment: the producers stop, what is left is worked off (by a new worker where none is alive), everybody
   * stops in order, and the run is judged. Faults must be healed before.
   *
   * @param drainMs limit of I2. Default 60,000.
   * @throws Error with all violations
   */
  async finish({ drainMs = DRAIN_MS }: { readonly drainMs?: number } = {}): Promise<Verdict> {
    if (this.workers.length === 0)
      await this.start({ work: {}, ...(this.bed.isSingleProcess && { produce: { count: 0 } }) });
    await Promise.all(this.producers.map((member) => member.stopProducing()));
    await this.#drained(drainMs);
    await Promise.all(this.members.filter(({ isAlive }) => isAlive).map((member) => member.stop()));
    const broker = await this.bed.connect();
    this.content = await readBrokerContent(broker);
    this.verdict = judge(this.lines(), this.content, this.#parts.allowed);
    const { violations } = this.verdict;
    if (violations.length > 0) throw new Error(violations.join('\n'));
    return this.verdict;
  }

  /** Ends all that is left of it. */
  async remove(): Promise<void> {
    this.#supervised = false;
    await Promise.allSettled(this.#replacing);
    for (const act of this.#onCleanUp.reverse()) await act();
    await Promise.all(this.members.filter(({ isAlive }) => isAlive).map((member) => member.kill()));
    await this.bed.remove();
  }

  async #drained(limitMs: number): Promise<void> {
    const what = 'all tasks are final (I2)';
    if (!this.bed.isSingleProcess) {
      const broker = await this.bed.connect();
      return until(async () => (await unfinished(broker)) === 0, { what, limitMs });
    }
    const from = now();
    const isEmpty = (line: Line) => line.e === 'left' && line.t > from && line.tasks === 0;
    return until(() => this.workers.some(({ history }) => history.read().some(isEmpty)), { what, limitMs });
  }

  #read(): Line[] {
    return this.members.flatMap(({ history }) => history.read());
  }

  /** It is ready or gone before the experiment ends. */
  #replace(member: Member): void {
    const replacing = this.startAgain(member);
    this.#replacing.add(replacing);
    void Promise.allSettled([replacing]).then(() => this.#replacing.delete(replacing));
  }

  readonly #record: RecordEvent = (line) => void this.#lines.push({ t: now(), member: 'test', ...line });
}
