// Lets a process exit while files are in use. Runs in the main thread.
import { systemClock } from '../../../runtime/clock.ts';
import type { GateKeeper } from '../call-gate.ts';

/** The longest time for which an exit waits for the threads, ms. A disk that stands still would hold it up for ever. */
const MAX_EXIT_WAIT_MS = 1_000;

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
