import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from '../../packages/engine/test/support/program.ts';
import type { BedRedis } from './bed.ts';
import { startGoPeer, type FleetProcess, type GoPeer } from './go-peer.ts';

/** The folder of `programs/`. */
const HERE = new URL('../', import.meta.url).href;

/** A worker process of the fleet, ours or a Go server. */
export interface Member {
  readonly kind: 'ours' | 'go';
  readonly concurrency: number;
  /** Sends SIGKILL and starts a replacement. */
  replace(): Promise<void>;
}

/** A process that enqueues tasks. */
export interface Producer {
  /** Sends SIGKILL and starts a replacement that continues. Not allowed after `ended` was called. */
  replace(): Promise<void>;
  /** Resolves when all tasks are stored. */
  ended(): Promise<void>;
}

/** How often the handlers of a task have started and ended, by their logs. */
export interface Runs {
  started: number;
  succeeded: number;
  failed: number;
}

/** Go's and our processes on one Redis. They log into files that outlive them. */
export class Fleet {
  readonly #redis: BedRedis;
  readonly #queues: readonly string[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'task-center-fleet-'));
  #count = 0;

  constructor(redis: BedRedis, queues: readonly string[]) {
    this.#redis = redis;
    this.#queues = queues;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async worker(kind: Member['kind'], { concurrency = 10, aggregate = false } = {}): Promise<Member> {
    const start = async () => {
      const options = { ...this.#process(`worker-${kind}`), concurrency, aggregate };
      return kind === 'go' ? this.#goServer(options) : this.#ourWorker(options);
    };
    let kill = await start();
    return {
      kind,
      concurrency,
      async replace() {
        await kill();
        kill = await start();
      },
    };
  }

  /** Produces `<prefix>-0` to `<prefix>-<to - 1>`. A replacement continues where its predecessor was killed. */
  producer(kind: Member['kind'], work: { prefix: string; to: number; perSecond: number }): Producer {
    const options = { ...this.#process(`producer-${work.prefix}`), ...work };
    const begin = () => {
      const remaining = { ...options, from: this.#nextNumber(options.log) };
      return kind === 'go' ? this.#goProducer(remaining) : this.#ourProducer(remaining);
    };
    let running = begin();
    return {
      async replace() {
        await running.kill();
        running = begin();
      },
      ended: async () => {
        await running.ended;
        const produced = this.#nextNumber(options.log);
        if (produced !== work.to) throw new Error(`${work.prefix} ended after ${produced} tasks`);
      },
    };
  }

  /** The logs of all handlers, by task ID. */
  runs(): Map<string, Runs> {
    const byTask = new Map<string, Runs>();
    for (const name of readdirSync(this.#folder)) {
      if (!name.startsWith('worker')) continue;
      for (const line of this.#lines(join(this.#folder, name))) {
        const [event, id = '', outcome] = line.split(' ');
        const runs = byTask.get(id) ?? { started: 0, succeeded: 0, failed: 0 };
        byTask.set(id, runs);
        if (event === 'S') runs.started += 1;
        else if (outcome === 'ok') runs.succeeded += 1;
        else runs.failed += 1;
      }
    }
    return byTask;
  }

  #lines(path: string): string[] {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  }

  /** The number of the next task, by the log of the producer. */
  #nextNumber(log: string): number {
    try {
      const last = this.#lines(log).at(-1);
      return last === undefined ? 0 : Number(last.slice('P '.length)) + 1;
    } catch {
      return 0;
    }
  }

  #process(name: string): FleetProcess {
    return { log: join(this.#folder, `${name}-${(this.#count += 1)}`), queues: this.#queues };
  }

  async #goServer(options: FleetProcess): Promise<() => Promise<void>> {
    const peer = startGoPeer(this.#redis.address);
    await peer.fleet('fleetServe', options);
    return () => peer.kill();
  }

  async #ourWorker(options: FleetProcess): Promise<() => Promise<void>> {
    const program = startProgram(HERE, 'fleet-worker.mjs', this.#redis.url, JSON.stringify(options));
    await program.waitForLine((line) => line === 'ready');
    return () => program.kill();
  }

  #goProducer(options: FleetProcess): { ended: Promise<void>; kill(): Promise<void> } {
    const peer: GoPeer = startGoPeer(this.#redis.address);
    // A kill rejects the call. How far the producer came is in its log.
    const ended = peer.fleet('fleetProduce', options).catch(() => {});
    return { ended, kill: () => peer.kill() };
  }

  #ourProducer(options: FleetProcess): { ended: Promise<unknown>; kill(): Promise<void> } {
    const program = startProgram(HERE, 'fleet-producer.mjs', this.#redis.url, JSON.stringify(options));
    return { ended: program.ended, kill: () => program.kill() };
  }
}
