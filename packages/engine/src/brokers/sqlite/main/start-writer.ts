// Starts the writer thread, and waits until it has opened the file. Runs in the main thread.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { messageOf, TaskCenterError } from '../../../errors/task-center-error.ts';
import { clockOriginMs } from '../../../leases/main-clock.ts';
import { entryUrl } from '../../../runtime/entry-url.ts';
import { GateKeeper } from '../call-gate.ts';
import { fromWire } from '../errors.ts';
import type { FromWriter, WriterData } from '../messages.ts';
import { closeAtExit } from './exit-hook.ts';
import { Writer, type WriterDeps } from './writer.ts';

/** Waits for the thread's first message. Returns it, or throws the reason why it cannot be used. */
async function waitUntilReady(worker: Worker, path: string): Promise<FromWriter & { kind: 'ready' }> {
  const listening = new AbortController();
  const exited = once(worker, 'exit', { signal: listening.signal });
  // `once` rejects with the error of an `error` event, such as a driver that cannot be loaded.
  const received = once(worker, 'message', { signal: listening.signal });
  try {
    const [first] = (await Promise.race([received, exited])) as [FromWriter | number];
    if (typeof first === 'object' && first.kind === 'ready') return first;
    if (typeof first === 'object' && first.kind === 'failed') {
      // The file is released only when the thread ends.
      await exited;
      throw fromWire(first.error);
    }
    throw new Error('its writer thread ended before it was ready');
  } catch (error) {
    if (error instanceof TaskCenterError) throw error;
    throw new TaskCenterError('database-unusable', { path, cause: messageOf(error) });
  } finally {
    listening.abort();
  }
}

/**
 * Starts the thread and waits until it has opened the file.
 *
 * @throws TaskCenterError `database-in-use`, `database-unusable`, `schema-too-new`
 */
export async function startWriter(deps: WriterDeps): Promise<Writer> {
  const { path, nowMs, allow = [], entry = entryUrl('brokers/sqlite/thread/writer.thread') } = deps;
  const gate = new GateKeeper();
  const workerData: WriterData = {
    path,
    allow,
    nowMs: nowMs?.() ?? null,
    originMs: clockOriginMs(),
    gate: gate.memory,
  };
  const worker = new Worker(entry, { workerData, execArgv: [], name: 'sqlite' });
  worker.once('exit', closeAtExit(gate));
  const { queueChanges, found } = await waitUntilReady(worker, path);
  const writer = new Writer(worker, gate, deps);
  deps.onChanges(queueChanges, []);
  deps.onFound(found);
  return writer;
}
