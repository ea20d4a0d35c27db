// Entry of the thread that owns the file: batches of calls in, answers out, one transaction for all that waits.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Lease } from '../../../broker/consume.ts';
import { failStop } from '../../../leases/fail-stop.ts';
import { tellRenewer } from '../../../leases/renewer-messages.ts';
import { clockOf } from '../../../leases/main-clock.ts';
import { createRenewer, type Renewer } from '../../../leases/renewer.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { openDatabase, type Database } from './database.ts';
import { causeOf, fromWire, toWire } from '../errors.ts';
import { GroupCommit, type Answer, type Job } from './group-commit.ts';
import { migrate } from './migrate.ts';
import { migrations } from '../migrations/migrations.generated.ts';
import { createRecoverer } from './facets/maintain.ts';
import { createRequestHandlers } from './requests.ts';
import { pack, toEnvelope, plain, unpack } from '../packing.ts';
import { createDiskReserve } from './disk-reserve.ts';
import { createStore, type Now, type Store } from './store.ts';
import type { FromWriter, ToWriter, WriterData } from '../main/writer.ts';

const port = parentPort!;
const { path, nowMs, originMs } = workerData as WriterData;

function nowOf(set: number | null): Now {
  if (set !== null) return { wallMs: set, monotonicMs: set };
  return { wallMs: systemClock.wallMs(), monotonicMs: systemClock.monotonicMs() };
}

/** So long it works on what has come in before it looks at the clock. */
const SLICE_MS = 50;

/** Crashes after which a task is not run again, where nobody says otherwise; as the engine's recoverer. */
const MAX_CRASHES = 3;

/** Nothing runs when a file is opened: what is active there was lost with the process that ran it. */
function recoverAll({ database, queues, ...rest }: Store, wallMs: number): void {
  const recover = createRecoverer({ database, queues, ...rest });
  const everything = {
    untilMs: Number.MAX_SAFE_INTEGER,
    limit: Number.MAX_SAFE_INTEGER,
    maxCrashes: MAX_CRASHES,
  };
  database.exec('BEGIN IMMEDIATE');
  for (const { name } of queues.takeChanges(true)) {
    const entry = queues.find(name);
    if (entry) recover({ entry, ...everything }, wallMs);
  }
  database.exec('COMMIT');
}

function open(): { database: Database; store: Store } {
  const database = openDatabase(path);
  try {
    migrate(database, migrations);
    const store = createStore(database);
    recoverAll(store, nowOf(nowMs).wallMs);
    return { database, store };
  } catch (error) {
    database.close();
    throw error;
  }
}

const post = (message: FromWriter): void => {
  const bytes = message.kind === 'answers' ? message.batch.bytes : null;
  port.postMessage(message, bytes ? [bytes.buffer] : []);
};

const answerParcel = (answer: Answer) =>
  'reply' in answer ? toEnvelope(0, answer.reply) : toEnvelope(1, plain(answer.error));

interface Extension {
  readonly job: Job;
  settle(answer: Answer): void;
}

/** Renews leases between the calls of the main thread, whatever that does; those of all queues in one transaction. */
function createLeaseRenewer(commit: GroupCommit): Renewer {
  const waiting: Extension[] = [];

  function runAll(): void {
    while (waiting.length > 0) {
      const answers = commit.run(waiting.map(({ job }) => job));
      const done = waiting.splice(0, answers.length);
      done.forEach(({ settle }, i) => settle(answers[i]!));
    }
  }

  function extend(leases: readonly Lease[], lengthMs: number): Promise<readonly boolean[]> {
    const call = { lengthMs, leases: leases.map(({ queue, id, token }) => [queue, id, token] as const) };
    const job = { name: 'extend', call: plain(call), now: nowOf(null) };
    if (waiting.length === 0) queueMicrotask(runAll);
    return new Promise((resolve, reject) => {
      const settle = (answer: Answer) => {
        if ('error' in answer) reject(fromWire(answer.error));
        else resolve((answer.reply.data as readonly number[]).map((renewed) => renewed === 1));
      };
      waiting.push({ job, settle });
    });
  }

  return createRenewer({
    clock: clockOf(originMs),
    extend,
    note: (owner, note) => post({ kind: 'renewer', message: { owner, note } }),
    watches: true,
    failStop,
  });
}

function serve({ database, store }: ReturnType<typeof open>): void {
  const reserve = createDiskReserve(path);
  const commit = new GroupCommit(store, createRequestHandlers(store), reserve);
  const renewer = createLeaseRenewer(commit);
  let waiting: Job[] = [];
  let closing = false;
  let again: NodeJS.Immediate | undefined;

  function take(message: ToWriter): void {
    if (message.kind === 'close') {
      closing = true;
    } else if (message.kind === 'renewer') {
      tellRenewer(renewer, message.message);
      renewer.start();
    } else {
      const now = nowOf(message.nowMs);
      for (const { head, packet } of unpack(message.batch)) {
        const { data, bytes } = packet;
        waiting.push({ name: String(head), call: { data, bytes }, now });
      }
    }
  }

  function takeAll(): void {
    for (let one = receiveMessageOnPort(port); one; one = receiveMessageOnPort(port))
      take(one.message as ToWriter);
  }

  function close(): void {
    renewer.stop();
    reserve.remove();
    database.close();
    port.close();
  }

  function work(): void {
    clearImmediate(again);
    const endMs = performance.now() + SLICE_MS;
    takeAll();
    while (waiting.length > 0 && performance.now() < endMs) {
      const answers = commit.run(waiting);
      waiting = waiting.slice(answers.length);
      const batch = pack(answers.map(answerParcel));
      const news = commit.broken === null ? store.queues.takeChanges() : [];
      post({ kind: 'answers', batch, news, broken: commit.broken });
      takeAll();
    }
    // Leases are renewed in between, also under a load that never ends.
    if (waiting.length > 0) again = setImmediate(work);
    else if (closing) close();
  }

  port.on('message', (message: ToWriter) => {
    take(message);
    work();
  });
  post({ kind: 'ready', news: store.queues.takeChanges(true) });
}

try {
  serve(open());
} catch (error) {
  const known = error instanceof TaskCenterError;
  const shown = known ? error : new TaskCenterError('database-unusable', { path, cause: causeOf(error) });
  post({ kind: 'failed', error: toWire(shown) });
}
