import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from '../../packages/engine/test/support/program.ts';
import type { BedRedis } from './bed.ts';
import { startGoPeer, type FleetProcess, type GoPeer } from './go-peer.ts';

/** Where `programs/` is. */
const HERE = new URL('../', import.meta.url).href;

/** A process of the fleet: it can be killed and is then started anew. */
export interface Member {
  readonly kind: 'ours' | 'go';
  readonly concurrency: number;
  /** SIGKILL, and another one takes its place. */
  replace(): Promise<void>;
}

/** A process that makes tasks. */
export interface Producer {
  /** SIGKILL, and another one goes on. Not after `ended` was called. */
  replace(): Promise<void>;
  /** Resolves when all is stored. */
  ended(): Promise<void>;
}

/** What handlers have told of a task. */
export interface Runs {
  started: number;
  succeeded: number;
  failed: number;
}

/** Go's and our processes on one Redis; what they do stands in files that outlive them. */
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
      const what = { ...this.#process(`worker-${kind}`), concurrency, aggregate };
      return kind === 'go' ? this.#goServer(what) : this.#ourWorker(what);
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

  /** Produces `<prefix>-0` to `<prefix>-<to - 1>`. A killed one goes on where it was. */
  producer(kind: Member['kind'], work: { prefix: string; to: number; perSecond: number }): Producer {
    const what = { ...this.#process(`producer-${work.prefix}`), ...work };
    const begin = () => {
      const rest = { ...what, from: this.#produced(what.log) };
      return kind === 'go' ? this.#goProducer(rest) : this.#ourProducer(rest);
    };
    let running = begin();
    return {
      async replace() {
        await running.kill();
        running = begin();
      },
      ended: async () => {
        await running.ended;
        const produced = this.#produced(what.log);
        if (produced !== work.to) throw new Error(`${work.prefix} ended at ${produced}`);
      },
    };
  }

  /** By task, what all handlers have told. */
  runs(): Map<string, Runs> {
    const all = new Map<string, Runs>();
    for (const name of readdirSync(this.#folder)) {
      if (!name.startsWith('worker')) continue;
      for (const line of this.#lines(join(this.#folder, name))) {
        const [what, id = '', outcome] = line.split(' ');
        const runs = all.get(id) ?? { started: 0, succeeded: 0, failed: 0 };
        all.set(id, runs);
        if (what === 'S') runs.started += 1;
        else if (outcome === 'ok') runs.succeeded += 1;
        else runs.failed += 1;
      }
    }
    return all;
  }

  #lines(path: string): string[] {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  }

  /** The number that comes next. */
  #produced(log: string): number {
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

  async #goServer(what: FleetProcess): Promise<() => Promise<void>> {
    const peer = startGoPeer(this.#redis.address);
    await peer.fleet('fleetServe', what);
    return () => peer.kill();
  }

  async #ourWorker(what: FleetProcess): Promise<() => Promise<void>> {
    const program = startProgram(HERE, 'fleet-worker.mjs', this.#redis.url, JSON.stringify(what));
    await program.waitForLine((line) => line === 'ready');
    return () => program.kill();
  }

  #goProducer(what: FleetProcess): { ended: Promise<void>; kill(): Promise<void> } {
    const peer: GoPeer = startGoPeer(this.#redis.address);
    // How far it came stands in its file.
    const ended = peer.fleet('fleetProduce', what).catch(() => {});
    return { ended, kill: () => peer.kill() };
  }

  #ourProducer(what: FleetProcess): { ended: Promise<unknown>; kill(): Promise<void> } {
    const program = startProgram(HERE, 'fleet-producer.mjs', this.#redis.url, JSON.stringify(what));
    return { ended: program.ended, kill: () => program.kill() };
  }
}
