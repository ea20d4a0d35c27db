// Entry of the writer thread, which owns the SQLite file. It receives batches of calls from the main thread, runs those that
// wait in one transaction, and posts their answers. It also renews leases while the main thread is blocked.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Lease } from '../../../broker/consume.ts';
import { failStop } from '../../../leases/fail-stop.ts';
import { applyToRenewer } from '../../../leases/renewer-messages.ts';
import { clockOf } from '../../../leases/main-clock.ts';
import { systemClock, type Timer } from '../../../runtime/clock.ts';
import { Renewer } from '../../../leases/renewer.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { messageOf } from '../../../errors/task-center-error.ts';
import { fromWire, toWire } from '../errors.ts';
import { GroupCommit, type Answer, type WriterRequest } from './group-commit.ts';
import { createRequestHandlers } from './requests.ts';
import { pack, toEnvelope, plain, unpack } from '../packing.ts';
import { LEASE } from '../rows.ts';
import { Backups } from './backup.ts';
import { openStore, type OpenStore } from './open-store.ts';
import { createDiskReserve } from './disk-reserve.ts';
import type { Now, Store } from './store.ts';
import type { FileFinding, FromWriter, ToWriter, WriterData } from '../messages.ts';

const port = parentPort!;
const settings = workerData as WriterData;
const { path, nowMs, originMs } = settings;

/** The current time, or the one that a test has set. */
function nowOf(testMs: number | null): Now {
  if (testMs !== null) return { wallMs: testMs, monotonicMs: testMs };
  return { wallMs: systemClock.wallMs(), monotonicMs: systemClock.monotonicMs() };
}

/** How often the file is looked at, ms. */
const FILE_LOOK_MS = 1_000;

/** After this time, ms, the thread lets its event loop turn once, for the timers that renew leases. */
const SLICE_MS = 50;

const post = (message: FromWriter): void => {
  const bytes = message.kind === 'answers' ? message.batch.bytes : null;
  port.postMessage(message, bytes ? [bytes.buffer] : []);
};

/** Header 0 = a reply, 1 = an error. */
const answerEnvelope = (answer: Answer) =>
  'reply' in answer ? toEnvelope(0, answer.reply) : toEnvelope(1, plain(answer.error));

/** A renewal that waits for its transaction. */
interface WaitingExtension {
  readonly request: WriterRequest;
  settle(answer: Answer): void;
}

/**
 * Renews the leases of this process's workers between the requests of the main thread, also while that is blocked. The
 * renewals of all queues share a transaction.
 */
function createLeaseRenewer(commit: GroupCommit): Renewer {
  const waiting: WaitingExtension[] = [];

  function runAll(): void {
    while (waiting.length > 0) {
      const answers = commit.run(waiting.map(({ request }) => request));
      const answered = waiting.splice(0, answers.length);
      answered.forEach(({ settle }, index) => settle(answers[index]!));
    }
  }

  function extend(leases: readonly Lease[], lengthMs: number): Promise<readonly boolean[]> {
    const call = { lengthMs, leases: leases.map(LEASE.toRow) };
    const request = { name: 'extend', call: plain(call), now: nowOf(null) };
    if (waiting.length === 0) queueMicrotask(runAll);
    return new Promise((resolve, reject) => {
      const settle = (answer: Answer) => {
        if ('error' in answer) reject(fromWire(answer.error));
        else resolve(answer.reply.data as readonly boolean[]);
      };
      waiting.push({ request, settle });
    });
  }

  return new Renewer({
    clock: clockOf(originMs),
    extend,
    report: (owner, report) => post({ kind: 'renewer', message: { owner, report } }),
    watchesMainThread: true,
    failStop,
  });
}

/** Answers the main thread's requests until it closes the writer and no request waits. */
class RequestLoop {
  readonly #store: Store;
  readonly #open: OpenStore;
  readonly #reserve = createDiskReserve(path);
  readonly #commit: GroupCommit;
  readonly #renewer: Renewer;
  readonly #backups: Backups;
  #waiting: WriterRequest[] = [];
  #closing = false;
  #isClosed = false;
  #looking: Timer | undefined;
  /** What was told of the file last. */
  #told = '';
  #nextSlice: NodeJS.Immediate | undefined;

  constructor(open: OpenStore) {
    const { store, watch } = open;
    this.#open = open;
    this.#store = store;
    this.#commit = new GroupCommit(store, createRequestHandlers(store), { reserve: this.#reserve, watch });
    this.#renewer = createLeaseRenewer(this.#commit);
    this.#backups = new Backups(store.database);
  }

  start(): void {
    port.on('message', (message: ToWriter) => {
      this.#receive(message);
      this.#work();
    });
    const found = this.#open.watch.look();
    post({ kind: 'ready', queueChanges: this.#store.queues.takeChanges(true), found });
    this.#told = JSON.stringify(found);
    this.#looking = systemClock.every(FILE_LOOK_MS, () => this.#look());
  }

  /** Looks at the file, and tells what has changed. */
  #look(): void {
    const { watch } = this.#open;
    const found = watch.look();
    const text = JSON.stringify(found);
    if (text !== this.#told) this.#tell(found);
    this.#told = text;
    if (this.#commit.brokenCause !== null) return;
    if (watch.ownership === 'ended')
      this.#breakDown('another process had taken the file over, and has ended');
    else if (watch.isLogGone) {
      this.#store.database.log.settle();
      this.#breakDown('its log was taken away');
    }
  }

  #tell(found: readonly FileFinding[]): void {
    post({ kind: 'found', found });
    if (this.#isLost) post({ kind: 'lost' });
  }

  /** Nothing of the file may be touched any more, not even to close it. */
  get #isLost(): boolean {
    return this.#open.watch.ownership !== 'ours' && !settings.allow.includes('file_owner');
  }

  #breakDown(cause: string): void {
    this.#commit.breakDown(cause);
    post({ kind: 'broken', cause });
  }

  #receive(message: ToWriter): void {
    if (message.kind === 'close') {
      this.#closing = true;
    } else if (message.kind === 'renewer') {
      applyToRenewer(this.#renewer, message.message);
      this.#renewer.start();
    } else if (message.kind === 'backup') {
      const { id, path: target } = message;
      if (target === null) this.#backups.cancel(id);
      else void this.#writeBackup(id, target);
    } else {
      const now = nowOf(message.nowMs);
      for (const { header, packet } of unpack(message.batch)) {
        const { data, bytes } = packet;
        this.#waiting.push({ name: String(header), call: { data, bytes }, now });
      }
    }
  }

  async #writeBackup(id: number, target: string): Promise<void> {
    post({ kind: 'backup', id, result: await this.#backups.write(id, target) });
  }

  /** Takes in the messages that have arrived meanwhile, for the next transaction. */
  #receiveAll(): void {
    for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port))
      this.#receive(received.message as ToWriter);
  }

  #work(): void {
    clearImmediate(this.#nextSlice);
    const endMs = systemClock.monotonicMs() + SLICE_MS;
    this.#receiveAll();
    while (this.#waiting.length > 0 && systemClock.monotonicMs() < endMs) {
      this.#answer(this.#commit.run(this.#waiting));
      this.#receiveAll();
    }
    // Goes on after a turn of the event loop: leases are renewed there, also under a load that never ends.
    if (this.#waiting.length > 0) this.#nextSlice = setImmediate(() => this.#work());
    else if (this.#closing && !this.#isClosed) void this.#close();
  }

  /** Answers the oldest requests, and reports the queues that they have changed. */
  #answer(answers: readonly Answer[]): void {
    this.#waiting = this.#waiting.slice(answers.length);
    const batch = pack(answers.map(answerEnvelope));
    const { brokenCause } = this.#commit;
    const { queues, awaited } = this.#store;
    const queueChanges = brokenCause === null ? queues.takeChanges() : [];
    post({ kind: 'answers', batch, queueChanges, ended: awaited.takeEnded(), brokenCause });
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.#renewer.stop();
    await this.#backups.stop();
    this.#looking?.cancel();
    this.#open.watch.look();
    if (this.#isLost) return post({ kind: 'lost' });
    this.#reserve.remove();
    this.#store.database.close();
    this.#open.taken.mark?.remove();
    port.close();
  }
}

try {
  const open = openStore(settings, nowOf(nowMs).wallMs);
  open.store.database.gate.run(() => new RequestLoop(open)).start();
} catch (error) {
  const isKnown = error instanceof TaskCenterError;
  const reported = isKnown
    ? error
    : new TaskCenterError('database-unusable', { path, cause: messageOf(error) });
  post({ kind: 'failed', error: toWire(reported) });
}
