import type { Broker } from '../../src/broker/broker.ts';

/** A broker that tells when the first worker has begun to listen for cancellations. */
export function tellsListening(real: Broker): { broker: Broker; listening: Promise<void> } {
  let onListening = () => {};
  const listening = new Promise<void>((resolve) => (onListening = resolve));
  const { signals } = real;
  const onCancelled: typeof signals.onCancelled = async (listener, signal) => {
    await signals.onCancelled(listener, signal);
    onListening();
  };
  return { broker: { ...real, signals: { ...signals, onCancelled } }, listening };
}
