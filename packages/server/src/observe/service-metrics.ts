/** What the service itself counts, beside what the engine does. All of it goes into the registry of the engine's metrics. */
import type { Broker, Registry } from '@task-center/engine';
import type { Config } from '../config/config.ts';
import type { SignInFault } from '../auth/refusal-log.ts';

/** Methods that have operations. Others are one: a stranger may send any. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** A callback that was sent, or could not be. */
export interface EndedCallback {
  /** Of the answer; null = there was none. */
  readonly status: number | null;
  /** The class of the error; null = it succeeded. */
  readonly error: string | null;
  readonly ms: number;
}

/** A request that was answered. */
export interface AnsweredRequest {
  /** The template of its path; `-` = there is no such path. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly ms: number;
}

/** Counts what the service does. */
export class ServiceMetrics {
  readonly #requestsInFlight;
  readonly #requests;
  readonly #refusals;
  readonly #callbacksInFlight;
  readonly #callbackSeconds;
  readonly #callbacks;

  constructor(registry: Registry) {
    this.#requestsInFlight = registry.gauge('taskcenter_http_requests_in_flight').with();
    this.#requests = registry.histogram('taskcenter_http_request_seconds');
    this.#refusals = registry.counter('taskcenter_auth_failures_total');
    this.#callbacksInFlight = registry.gauge('taskcenter_callbacks_in_flight').with();
    this.#callbacksInFlight.set(0);
    this.#callbackSeconds = registry.histogram('taskcenter_callback_seconds');
    this.#callbacks = registry.counter('taskcenter_callbacks_total');
  }

  requestBegan(): void {
    this.#requestsInFlight.add(1);
  }

  requestEnded({ route, method, status, ms }: AnsweredRequest): void {
    this.#requestsInFlight.add(-1);
    const known = METHODS.has(method) ? method : 'other';
    this.#requests.with(route, known, String(status)).observe(ms / 1_000);
  }

  keyRefused(reason: SignInFault): void {
    this.#refusals.with(reason.replaceAll(' ', '_')).add();
  }

  callbackBegan(): void {
    this.#callbacksInFlight.add(1);
  }

  /** @param ended null = it was not sent after all */
  callbackEnded(ended: EndedCallback | null): void {
    this.#callbacksInFlight.add(-1);
    if (ended === null) return;
    const { status, error, ms } = ended;
    const kind = status === null ? 'error' : `${Math.floor(status / 100)}xx`;
    this.#callbackSeconds.with(kind).observe(ms / 1_000);
    this.#callbacks.with(kind, error ?? '').add();
  }
}

/** What does not change while the service runs. */
export function describeService(
  registry: Registry,
  { config, version, broker }: { config: Config; version: string; broker: Pick<Broker, 'findings'> },
): void {
  registry.gauge('taskcenter_build_info').with(version, broker.findings.facts().kind).set(1);
  const slots = config.roles.includes('worker') ? config.callbacks.concurrency : 0;
  registry.gauge('taskcenter_worker_slots').with('callback').set(slots);
}
