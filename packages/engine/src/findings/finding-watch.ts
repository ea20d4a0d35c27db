import {
  ALLOWABLE_FINDINGS,
  type AllowableFinding,
  type BrokerFacts,
  type BrokerFinding,
  type FindingCode,
  type Findings,
} from '../broker/findings.ts';
import type { ScheduleStore } from '../broker/schedules.ts';
import type { Submit } from '../broker/submit.ts';
import { messageOf, TaskCenterError } from '../errors/task-center-error.ts';
import type { Timer } from '../runtime/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** What a check has found. */
export interface Found extends Omit<BrokerFinding, 'sinceMs'> {
  /** Whether a start is refused, although a broker that runs already only tells it. */
  readonly refusesStart?: boolean;
  /** What it is about. A finding is told anew when its subject changes; its detail may change silently, as a count does. */
  readonly subject?: string;
}

/** Looks for findings, again and again. */
export interface FindingCheck {
  /** Names the check among those of its broker. */
  readonly name: string;
  /** Pause between two looks. A check that asks the broker has a long one. While it finds what refuses a start, it looks each second. */
  readonly everyMs: number;
  /** Resolves to all that it finds now; what it found before and does not find any more has ended. A rejection changes nothing. */
  look(): Promise<readonly Found[]>;
}

export interface FindingWatchDeps {
  /** Name of the broker, for messages. */
  readonly broker: string;
  readonly runtime: Runtime;
  /** Findings that the operator accepts: they are told as warnings. */
  readonly allow: readonly AllowableFinding[];
  readonly checks: readonly FindingCheck[];
  facts(): BrokerFacts;
}

/** A finding, with what tells it from another of the same code. */
interface KnownFinding extends BrokerFinding {
  readonly subject: string | undefined;
  /** Its check looks each second: to notice its end, or that it has got worse. */
  readonly isUrgent: boolean;
}

/** What is known of a check. */
interface CheckState {
  findings: readonly KnownFinding[];
  /** When it looked last, monotonic. */
  lookedMs: number;
  isLooking: boolean;
  /** Something has hinted at a finding: it looks at the next tick. */
  isHinted: boolean;
}

/** Checks that cost no call look this often, and so do the others while they find an error, to notice its end. */
const TICK_MS = 1_000;

const isError = ({ severity }: Pick<BrokerFinding, 'severity'>): boolean => severity === 'error';
const isSame = (a: KnownFinding, b: KnownFinding): boolean =>
  a.code === b.code && a.severity === b.severity && a.subject === b.subject;

/** What to do about a finding, and how to accept it where that is possible. */
function fixOf({ code, fix }: Pick<BrokerFinding, 'code' | 'fix'>): string {
  const isAllowable = ALLOWABLE_FINDINGS.some((allowable) => allowable === code);
  return isAllowable ? `${fix} To use it all the same, name ${code} in broker_allow (library: allow).` : fix;
}

/** The error of a start or a submission while findings void the promises. */
function unsafeError(broker: string, findings: readonly Omit<BrokerFinding, 'sinceMs'>[]): TaskCenterError {
  return new TaskCenterError('broker-unsafe', {
    broker,
    findings: findings.map(({ code, detail, fix }) => ({ code, detail, fix: fixOf({ code, fix }) })),
  });
}

/**
 * Keeps what the checks of a broker find. A finding is told when it begins and when it ends: once each, by a log line and
 * an event.
 */
export class FindingWatch implements Findings {
  readonly #deps: FindingWatchDeps;
  readonly #allowed: ReadonlySet<FindingCode>;
  readonly #states = new Map<string, CheckState>();
  #timer: Timer | undefined;
  #isClosed = false;
  /** What voids the promises now. */
  #errors: readonly BrokerFinding[] = [];

  constructor(deps: FindingWatchDeps) {
    this.#deps = deps;
    this.#allowed = new Set(deps.allow);
  }

  current(): readonly BrokerFinding[] {
    const all = [...this.#states.values()].flatMap(({ findings }) => findings);
    return all
      .sort((a, b) => Number(isError(b)) - Number(isError(a)))
      .map(({ code, severity, detail, fix, sinceMs }) => ({ code, severity, detail, fix, sinceMs }));
  }

  facts(): BrokerFacts {
    return this.#deps.facts();
  }

  /** Every check looks once, and from then on again and again. @throws TaskCenterError `broker-unsafe`, and what a look throws */
  async start(): Promise<void> {
    const { broker, checks, runtime } = this.#deps;
    const found = await Promise.all(checks.map((check) => check.look()));
    const refused = found.flat().filter((one) => (isError(one) || one.refusesStart) && !this.#allows(one));
    if (refused.length > 0) throw unsafeError(broker, refused);
    checks.forEach(({ name }, i) => this.report(name, found[i]!));
    if (checks.length > 0 && !this.#isClosed)
      this.#timer = runtime.clock.every(TICK_MS, () => this.#tick()).unref();
  }

  /** Replaces what a check had found. For those that are told instead of looking themselves. */
  report(check: string, found: readonly Found[]): void {
    if (this.#isClosed) return;
    const { clock } = this.#deps.runtime;
    const state = this.#stateOf(check);
    const before = state.findings;
    const nowMs = clock.wallMs();
    const known = found.map((one) => this.#known(one, nowMs));
    state.lookedMs = clock.monotonicMs();
    state.findings = known.map((one) => {
      const earlier = before.find((other) => isSame(other, one));
      return earlier ? { ...one, sinceMs: earlier.sinceMs } : one;
    });
    this.#errors = [...this.#states.values()].flatMap(({ findings }) => findings.filter(isError));
    const begun = known.filter((one) => !before.some((other) => isSame(other, one)));
    // One that got worse, or that is about something else now, has not ended.
    const lasting = (one: KnownFinding) =>
      begun.some(({ code }) => code === one.code) || known.some((other) => isSame(other, one));
    for (const one of before) if (!lasting(one)) this.#tell(one, true);
    for (const one of begun) this.#tell(one, false);
  }

  /** An error or a lost connection hints at a finding: every check looks again, within a second. */
  hint(): void {
    for (const { name } of this.#deps.checks) this.#stateOf(name).isHinted = true;
  }

  /** Refuses submissions while a finding voids the promises. Nothing else is refused: workers go on with what is stored. */
  guard(submit: Submit): Submit {
    return { enqueue: (tasks, options) => this.#refused() ?? submit.enqueue(tasks, options) };
  }

  /** The same for schedules: a fire is a submission. */
  guardSchedules(schedules: ScheduleStore): ScheduleStore {
    return {
      ...schedules,
      put: (items) => this.#refused() ?? schedules.put(items),
      fire: (queue, writes, options) => this.#refused() ?? schedules.fire(queue, writes, options),
    };
  }

  #refused(): Promise<never> | null {
    return this.#errors.length === 0 ? null : Promise.reject(unsafeError(this.#deps.broker, this.#errors));
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #allows({ code }: Found): boolean {
    return this.#allowed.has(code);
  }

  #known(found: Found, sinceMs: number): KnownFinding {
    const { code, detail, fix, subject, refusesStart = false } = found;
    const isAllowed = this.#allows(found);
    const severity = isAllowed ? 'warning' : found.severity;
    const isUrgent = !isAllowed && (refusesStart || severity === 'error');
    return { code, severity, detail, fix, sinceMs, subject, isUrgent };
  }

  #stateOf(check: string): CheckState {
    let state = this.#states.get(check);
    if (state) return state;
    state = { findings: [], lookedMs: -Infinity, isLooking: false, isHinted: false };
    this.#states.set(check, state);
    return state;
  }

  /** Lets the checks look whose time has come. */
  #tick(): void {
    const nowMs = this.#deps.runtime.clock.monotonicMs();
    for (const check of this.#deps.checks) {
      const state = this.#stateOf(check.name);
      const isSoon = state.isHinted || state.findings.some(({ isUrgent }) => isUrgent);
      // Timers may fire a little early.
      if (!isSoon && nowMs - state.lookedMs < check.everyMs - TICK_MS / 2) continue;
      void this.#look(check, state);
    }
  }

  /** A look may take long, as it may ask a broker that hangs: until it ends there is no other. */
  async #look(check: FindingCheck, state: CheckState): Promise<void> {
    if (state.isLooking) return;
    state.isLooking = true;
    state.isHinted = false;
    try {
      this.report(check.name, await check.look());
    } catch (error) {
      state.lookedMs = this.#deps.runtime.clock.monotonicMs();
      const fields = { broker: this.#deps.broker, code: check.name, reason: messageOf(error) };
      this.#deps.runtime.log.debug(fields, 'a check of the broker could not be made');
    } finally {
      state.isLooking = false;
    }
  }

  #tell({ code, severity, detail, fix }: KnownFinding, hasEnded: boolean): void {
    const { broker, runtime } = this.#deps;
    const { log, events } = runtime;
    const fields = { broker, code, reason: detail };
    if (hasEnded) log.info(fields, 'a finding about the broker has ended');
    else if (severity === 'error')
      log.error(
        { ...fields, fix },
        'the broker cannot keep its promises: nothing is submitted until this ends',
      );
    else log.warn({ ...fields, fix }, 'something is wrong with the broker; it is used all the same');
    events.emit('broker.finding', { broker, code, severity, detail, hasEnded });
  }
}
