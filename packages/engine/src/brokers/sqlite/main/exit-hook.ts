// Ends writer threads outside the driver's calls, where the process exits and where a thread does not close. Within one it
// would take the process along. Runs in the main thread.
import type { Worker } from 'node:worker_threads';
import { systemClock } from '../../../runtime/clock.ts';
import type { GateKeeper } from '../call-gate.ts';

/** The longest time for which an exit waits for the threads, ms. A disk that stands still would hold it up for ever. */
const MAX_EXIT_WAIT_MS = 1_000;

/** How often it is looked whether a thread may be terminated, ms. */
const TERMINATE_LOOK_MS = 50;

const gates = new Set<GateKeeper>();

/** All at once: a thread goes on while another is waited for. */
function closeGates(): void {
  for (const gate of gates) gate.close();
  const endMs = systemClock.monotonicMs() + MAX_EXIT_WAIT_MS;
  for (const gate of gates) gate.waitUntilOutside(endMs);
}

/**
 * Closes the gate when the process exits, and waits until its thread stands outside. Returns what ends this. All gates
 * share one listener: Node warns of a leak where an emitter has more than ten.
 */
export function closeAtExit(gate: GateKeeper): () => void {
  if (gates.size === 0) process.on('exit', closeGates);
  gates.add(gate);
  return () => {
    gates.delete(gate);
    if (gates.size === 0) process.off('exit', closeGates);
  };
}

/** Terminates a thread as soon as it stands outside. */
export async function terminate(worker: Worker, gate: GateKeeper): Promise<void> {
  gate.close();
  while (gate.isInside) await systemClock.sleep(TERMINATE_LOOK_MS);
  await worker.terminate();
}
