import { onTestFinished } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import type { TaskRecord } from '../../../src/broker/inspect.ts';
import { Client } from '../../../src/client/client.ts';
import { Events, type EngineEvents } from '../../../src/runtime/events.ts';
import type { Log, LogFields } from '../../../src/runtime/log.ts';
import type { Runtime } from '../../../src/runtime/runtime.ts';
import type { WorkerOptions } from '../../../src/worker/options.ts';
import type { Handler } from '../../../src/worker/run/handlers.ts';
import { Worker } from '../../../src/worker/worker.ts';
import type { BrokerKind, TestStore } from '../../support/brokers.ts';
import { nextEvent } from '../../support/next-event.ts';

/** What a case of misuse works with. Each has a queue of its own. */
export interface Setting {
  readonly kind: BrokerKind;
  /** The URL of the store that most cases share. */
  readonly url: string;
  readonly broker: Broker;
  readonly client: Client;
  readonly queue: string;
  readonly events: Events;
  /** The messages of the log so far. */
  readonly logged: readonly string[];
  /** Events and log of this setting, with other parts replaced. */
  runtime(parts?: Partial<Runtime>): Partial<Runtime>;
  /** A worker for the queue, which is stopped after the test. It has a handler of the type `good`, which does nothing. */
  worker(options?: WorkerOptions): Worker;
  /** Starts a worker whose handler of the type `bad` is this one. */
  started(handler: Handler, options?: WorkerOptions): Promise<Worker>;
  /** Enqueues a task that is kept for an hour, and resolves to the end of its first attempt. */
  run(type: string, options?: object): Promise<EngineEvents['attempt.finished']>;
  record(id: string): Promise<TaskRecord | null>;
  /** A store of its own, for cases that close their broker. Removed after the test. */
  freshStore(): Promise<TestStore>;
}

let settings = 0;

/** A log that keeps the messages. */
function keepingLog(logged: string[]): Log {
  const keep = (_: LogFields, message: string) => void logged.push(message);
  return { debug() {}, info: keep, warn: keep, error: keep };
}

export function createSetting(kind: BrokerKind, store: TestStore, broker: Broker): Setting {
  settings += 1;
  const queue = `misuse-${settings}`;
  const events = new Events();
  const logged: string[] = [];
  const log = keepingLog(logged);
  const client = new Client(broker);
  const runtime = (parts: Partial<Runtime> = {}) => ({ events, log, ...parts });
  let tasks = 0;

  function worker(options: WorkerOptions = {}): Worker {
    const created = new Worker(broker, { queues: [queue], ...options, runtime: runtime(options.runtime) });
    onTestFinished(() => created.stop({ timeout: 0 }));
    return created.handle('good', () => {});
  }

  return {
    kind,
    url: store.url,
    broker,
    client,
    queue,
    events,
    logged,
    runtime,
    worker,
    async started(handler, options) {
      const created = worker(options).handle('bad', handler);
      await created.start();
      return created;
    },
    async run(type, options = {}) {
      tasks += 1;
      const id = `${type}-${tasks}`;
      const end = nextEvent(events, 'attempt.finished', ({ task }) => task.id === id);
      await client.enqueue(type, null, { id, queue, retention: '1h', maxRetries: 0, ...options });
      return end;
    },
    record: (id) => broker.inspect.task({ queue, id }),
    async freshStore() {
      const fresh = await kind.createStore();
      onTestFinished(() => fresh.remove());
      return fresh;
    },
  };
}

/** A case of misuse. */
export interface Case {
  /** What somebody does. */
  readonly misuse: string;
  /** What happens then. */
  readonly instead: string;
  /** Warnings of the process that belong to it. Default: none. */
  readonly warns?: RegExp;
  /** Does it, and expects that. */
  check(setting: Setting): Promise<void>;
}

/** A proxy that throws at any look. */
export function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const refuse = (): never => {
  throw new Error('a trap of a proxy');
};

/** A proxy whose traps throw. */
export const throwingProxy = (): object =>
  new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse });

/** A promise that never settles. */
export const never = (): Promise<never> => new Promise(() => {});
