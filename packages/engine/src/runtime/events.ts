import { EventEmitter } from 'node:events';

/** A task by its places: `queue` is the stored queue (`orders` or `orders~cb`), `id` the stored ID. */
export interface TaskRef {
  readonly queue: string;
  readonly id: string;
}

/** How an attempt ended. `lost`: its lease was gone, the outcome was dropped; `deferred`: given back unfinished;
 * `revoked`: the handler wanted the task gone. */
export type AttemptOutcome = 'succeeded' | 'failed' | 'archived' | 'revoked' | 'deferred' | 'lost';

/** What happens in an engine, told once; counting, logging and tracing subscribe here. Times in ms. */
export interface EngineEvents {
  /** An attempt began: its handler is about to be called. */
  'attempt.started': { readonly task: TaskRef; readonly type: string; readonly attempt: number };
  /** An attempt ended and the broker took its outcome (or refused it: `lost`). */
  'attempt.finished': {
    readonly task: TaskRef;
    readonly type: string;
    readonly attempt: number;
    readonly outcome: AttemptOutcome;
    readonly runMs: number;
  };
  /** An outcome was refused because the lease had gone to somebody else. */
  'lease.lost': { readonly task: TaskRef };
  /**
   * Leases of a queue were renewed by a call that began at `sinceMs` (monotonic, see `Clock`), `gapMs` after the one
   * before (0 = there was none); `lost` of them had gone to somebody else.
   */
  'leases.renewed': {
    readonly queue: string;
    readonly leases: number;
    readonly lost: number;
    readonly sinceMs: number;
    readonly gapMs: number;
  };
  /** The event loop hung for so long that all leases were given up, at `atMs` (monotonic); others run the tasks. */
  'leases.released': { readonly leases: number; readonly stallMs: number; readonly atMs: number };
  /** The event loop hung for so long while attempts ran; told once it goes on. */
  'loop.stalled': { readonly stallMs: number; readonly attempts: number };
  /** Expired leases of a queue were taken back. */
  'tasks.recovered': { readonly queue: string; readonly recovered: number; readonly archived: number };
  /** Due tasks of a queue became pending. */
  'tasks.forwarded': { readonly queue: string; readonly moved: number };
  /** Expired data of a queue was removed. */
  'tasks.expired': { readonly queue: string; readonly removed: number };
  /** Tasks that no one can read were archived, and IDs without a task dropped, instead of stopping a worker. */
  'tasks.quarantined': { readonly queue: string; readonly ids: readonly string[] };
  /** What crashed or foreign processes left in a queue was mended; the fields are those of `Maintain.repair`. */
  'queue.repaired': {
    readonly queue: string;
    readonly recovered: number;
    readonly archived: number;
    readonly locks: number;
    readonly groups: number;
    readonly renamedKeys: readonly string[];
  };
  /** Slots were free for so long and nothing was fetched though the broker answers; `calls` that hang were given up. */
  'worker.revived': { readonly stuckMs: number; readonly calls: number };
  /** Tasks of a group became one, whose ID this is. */
  'group.aggregated': TaskRef & { readonly group: string; readonly tasks: number };
  /** Tasks of a group could not be made into one; they go back to their group. */
  'group.failed': { readonly queue: string; readonly group: string; readonly error: unknown };
  /** The broker can do nothing more in this process: its file could not be written, or its thread ended. */
  'broker.broken': { readonly broker: string; readonly cause: string };
  /** A background loop failed once; it goes on. */
  'loop.failed': { readonly loop: string; readonly error: unknown };
}

export type EventName = keyof EngineEvents;
export type Listener<N extends EventName> = (event: EngineEvents[N]) => void;

/**
 * A typed emitter. `has` lets hot paths skip making an event that nobody hears. A listener that throws stops
 * neither the others nor the engine: its error becomes a warning of the process.
 */
export class Events {
  readonly #emitter = new EventEmitter();

  constructor() {
    this.#emitter.setMaxListeners(0);
  }

  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    const guarded = (event: EngineEvents[N]) => {
      try {
        listener(event);
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error));
      }
    };
    this.#emitter.on(name, guarded);
    return () => this.#emitter.off(name, guarded);
  }

  has(name: EventName): boolean {
    return this.#emitter.listenerCount(name) > 0;
  }

  emit<N extends EventName>(name: N, event: EngineEvents[N]): void {
    this.#emitter.emit(name, event);
  }
}
