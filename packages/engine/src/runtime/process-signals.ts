type Listener = (signal: NodeJS.Signals) => void;

/** By signal. Those without a listener may stay here, empty. */
const listeners = new Map<NodeJS.Signals, Set<Listener>>();

/** The one listener of Node's. A listener may remove itself or others when it is called. */
function tellAll(signal: NodeJS.Signals): void {
  for (const listener of listeners.get(signal) ?? []) listener(signal);
}

/**
 * Listens for a signal that this process gets. All listeners share one of Node's, which warns of more than ten. Without any
 * the signal has its default action.
 *
 * @returns removes the listener
 */
export function onProcessSignal(signal: NodeJS.Signals, listener: Listener): () => void {
  const ofSignal = listeners.get(signal) ?? new Set();
  if (ofSignal.size === 0) process.on(signal, tellAll);
  listeners.set(signal, ofSignal.add(listener));
  return () => {
    if (ofSignal.delete(listener) && ofSignal.size === 0) process.off(signal, tellAll);
  };
}
