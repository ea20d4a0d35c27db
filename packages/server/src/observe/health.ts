/** What health checks are answered from: docs/health.md tells users what each of them means. */
import type { Health as Answer } from '@task-center/api';
import {
  control,
  isTaskCenterError,
  within,
  type Broker,
  type LoopWatch,
  type Runtime,
} from '@task-center/engine';
import type { EventLoopWatch } from './event-loop.ts';

type Status = Answer['status'];
/** One check; `ok: false` makes the process not ready. */
export type HealthCheck = NonNullable<Answer['checks']>[number];

/** What was checked, and what follows from it. */
export interface HealthReport {
  readonly status: Status;
  readonly checks: readonly HealthCheck[];
}

/** A failed check, and what the service then is. */
interface Failure {
  readonly status: Status;
  readonly detail: string;
}

/** How long the broker's answer stands, from its end. All who ask share it: without a key they cannot make the broker work. */
const ANSWER_STANDS_MS = 1_000;
/** A broker that does not answer in this time is unavailable. */
const MAX_BROKER_MS = 2_000;

const secondsText = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const checkOf = (name: string, detail: string | null): HealthCheck => ({ name, ok: detail === null, detail });

function failureOf(error: unknown): Failure {
  if (isTaskCenterError(error, 'broker-full'))
    return { status: 'full', detail: 'it takes no new tasks: its memory or its disk is full' };
  if (!isTaskCenterError(error, 'broker-unavailable') && !isTaskCenterError(error, 'broker-refused'))
    return { status: 'unavailable', detail: 'the call has failed' };
  return { status: 'unavailable', detail: error.details.cause };
}

/** The operator uses a broker that takes no writes: it need only answer. */
const mayBeReadOnly = ({ findings }: Broker): boolean =>
  findings
    .current()
    .some(({ code, severity }) => severity === 'warning' && (code === 'replica' || code === 'read_only'));

/** What is looked at. All but the broker answers from memory. */
export interface HealthDeps {
  readonly broker: Broker;
  readonly clock: Pick<Runtime['clock'], 'monotonicMs' | 'sleep'>;
  /** The loops that run in this process. */
  readonly loops: LoopWatch;
  readonly eventLoop: Pick<EventLoopWatch, 'stalledMs'>;
}

/**
 * Checks the process and its broker when somebody asks. Nothing runs between two questions: an instance that nobody watches costs
 * nothing.
 */
export class Health {
  readonly #deps: HealthDeps;
  /** The last answer of the broker; null = it takes tasks. */
  #answer: Promise<Failure | null> = Promise.resolve(null);
  #isAsking = false;
  /** When the last call to it ended, monotonic. */
  #askedMs = -Infinity;

  constructor(deps: HealthDeps) {
    this.#deps = deps;
  }

  /** Whether the process itself works. It costs no call. */
  process(): HealthReport {
    return { status: 'ok', checks: [this.#eventLoop()] };
  }

  /** Whether the service can do all that it promises, and what of it cannot. Calls the broker once a second at most. */
  async service(): Promise<HealthReport> {
    const failure = await this.#broker();
    const unsafe = this.#findings();
    const own = [this.#eventLoop(), ...this.#loops()];
    const checks = [checkOf('broker', failure?.detail ?? null), checkOf('findings', unsafe), ...own];
    if (unsafe !== null) return { status: 'unsafe', checks };
    if (failure !== null) return { status: failure.status, checks };
    return { status: own.every(({ ok }) => ok) ? 'ok' : 'stuck', checks };
  }

  /** Asks the broker, unless it was asked just now or has not answered yet: a broker that hangs has one call at a time. */
  #broker(): Promise<Failure | null> {
    const { clock } = this.#deps;
    if (this.#isAsking || clock.monotonicMs() - this.#askedMs < ANSWER_STANDS_MS) return this.#answer;
    this.#isAsking = true;
    const asking = this.#ask().finally(() => {
      this.#isAsking = false;
      this.#askedMs = clock.monotonicMs();
    });
    const late: Failure = { status: 'unavailable', detail: `no answer within ${secondsText(MAX_BROKER_MS)}` };
    this.#answer = within(clock, MAX_BROKER_MS, () => asking).then((answer) =>
      answer === undefined ? late : answer,
    );
    return this.#answer;
  }

  /** Never rejects. */
  async #ask(): Promise<Failure | null> {
    const { broker } = this.#deps;
    try {
      await (mayBeReadOnly(broker) ? broker.ping() : broker.checkWritable());
      return null;
    } catch (error) {
      return failureOf(error);
    }
  }

  /** What voids the promises; null = nothing does. */
  #findings(): string | null {
    const { broker } = this.#deps;
    if (!control.isBrokerUnsafe(broker)) return null;
    const errors = broker.findings.current().filter(({ severity }) => severity === 'error');
    return errors.map(({ code, detail }) => `${code}: ${detail}`).join('; ');
  }

  #eventLoop(): HealthCheck {
    const ms = this.#deps.eventLoop.stalledMs();
    return checkOf('event loop', ms > 0 ? `it stood still for ${secondsText(ms)}` : null);
  }

  /** One check for each name: two workers have loops of the same names. */
  #loops(): HealthCheck[] {
    const details = new Map<string, string | null>();
    for (const { name, stepMs, isHanging } of this.#deps.loops.states()) {
      const detail = isHanging ? `its step has not ended for ${secondsText(stepMs)}` : null;
      details.set(name, details.get(name) ?? detail);
    }
    return [...details].map(([name, detail]) => checkOf(`loop ${name}`, detail));
  }
}
