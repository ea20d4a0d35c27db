// Has calls handled in this thread, by a store in memory. What travels is what JSON and bytes would be, as with the
// writer thread: a caller sees the same.
import { setImmediate } from 'node:timers';
import type { CallOptions } from '../../../broker/call-options.ts';
import type { Lease } from '../../../broker/consume.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { TaskRef } from '../../../runtime/events.ts';
import { fromWire } from '../errors.ts';
import {
  type AnswerOf,
  type RequestName,
  type RequestOf,
  type StoreCalls,
  createRequestHandlers,
} from '../thread/requests.ts';
import { plain, type Packet, type ReceivedPacket } from '../packing.ts';
import { LEASE } from '../rows.ts';
import type { QueueChange } from '../states.ts';
import { GroupCommit, type Answer, type WriterRequest } from '../thread/group-commit.ts';
import type { Now, Store } from '../thread/store.ts';
import { jsonCopy } from './json-copy.ts';

export interface MemoryCallsDeps {
  /** Of the broker, for errors. */
  readonly name: string;
  readonly store: Store;
  now(): Now;
  /** Called with the queues that were written to, and the awaited tasks that have ended. */
  onChanges(queues: readonly QueueChange[], ended: readonly TaskRef[]): void;
}

/** A call that waits for the end of the turn. */
interface MemoryCall {
  readonly name: string;
  readonly call: Packet<unknown>;
  resolve(reply: ReceivedPacket<unknown, unknown>): void;
  reject(error: TaskCenterError): void;
}

/** A packet as the other side of a message receives it. Nothing in it is shared with the sender. */
const received = ({
  data,
  bytes,
  rows = [],
}: Packet<unknown, unknown>): ReceivedPacket<unknown, unknown> => ({
  data: jsonCopy(data),
  bytes: bytes.map((each) => each && new Uint8Array(each)),
  rows: rows.map((row) => JSON.parse(row) as unknown),
});

/**
 * Calls of one turn of the event loop are handled together at its end, in one transaction, as those that reach the writer thread
 * together. Their answers come after the changes are told, as the thread's do.
 */
export class MemoryCalls implements StoreCalls {
  readonly #deps: MemoryCallsDeps;
  readonly #commit: GroupCommit;
  #waiting: MemoryCall[] = [];
  #handled = 0;
  #isClosed = false;

  constructor(deps: MemoryCallsDeps) {
    this.#deps = deps;
    this.#commit = new GroupCommit(deps.store, createRequestHandlers(deps.store));
  }

  /** Number of calls so far. While it does not grow, nobody asks anything of the store. */
  get made(): number {
    return this.#handled + this.#waiting.length;
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0;
  }

  run<Name extends RequestName>(
    name: Name,
    call: RequestOf<Name>,
    _options?: CallOptions,
  ): Promise<AnswerOf<Name>> {
    if (this.#isClosed)
      return Promise.reject(new TaskCenterError('broker-closed', { broker: this.#deps.name }));
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#handleAll());
      // The caller may change its objects after the call.
      const { data, bytes } = received(call);
      this.#waiting.push({
        name,
        call: { data, bytes },
        resolve: resolve as MemoryCall['resolve'],
        reject,
      });
    });
  }

  async ask<Name extends RequestName>(
    name: Name,
    data: RequestOf<Name>['data'],
  ): Promise<AnswerOf<Name>['data']> {
    return (await this.run(name, plain(data) as RequestOf<Name>)).data;
  }

  /** Renews leases at once, or ends them. Per lease: false = the task no longer has this token. */
  extendNow(leases: readonly Lease[], lengthMs: number): readonly boolean[] {
    const call = plain({ lengthMs, leases: leases.map(LEASE.toRow) });
    const [answer] = this.#commit.run([{ name: 'extend', call, now: this.#deps.now() }]);
    return answer && 'reply' in answer ? (answer.reply.data as readonly boolean[]) : [];
  }

  /** Nothing is kept: the tasks are gone with the database. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handleAll();
    this.#deps.store.database.close();
  }

  /** The clock stands still meanwhile: all calls of a turn have the same time. */
  #handleAll(): void {
    const calls = this.#waiting.splice(0);
    this.#handled += calls.length;
    const now = this.#deps.now();
    const requests = calls.map(({ name, call }): WriterRequest => ({ name, call, now }));
    // A transaction that takes long leaves some for the next one.
    for (let done = 0; done < calls.length;) {
      const answers = this.#commit.run(requests.slice(done));
      const { queues, awaited } = this.#deps.store;
      this.#deps.onChanges(queues.takeChanges(), awaited.takeEnded());
      answers.forEach((answer, i) => giveAnswer(calls[done + i]!, answer));
      done += answers.length;
    }
  }
}

function giveAnswer(call: MemoryCall, answer: Answer): void {
  if ('reply' in answer) call.resolve(received(answer.reply));
  else call.reject(fromWire(answer.error));
}
