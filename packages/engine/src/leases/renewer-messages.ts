import type { LeaseMemory, RenewalReport, LeaseSettings } from '../broker/lease-renewal.ts';
import { chunkOf, controlBlockOf } from './lease-memory.ts';
import type { Renewer } from './renewer.ts';

/**
 * Messages from the main thread to the thread that renews its leases. They only set up shared memory; the leases
 * themselves need no message.
 */
export type ToRenewer =
  /** A worker has started; `owner` numbers the workers of this process. */
  | {
      readonly kind: 'owner';
      readonly owner: number;
      readonly settings: LeaseSettings;
      readonly controlBlock: SharedArrayBuffer;
    }
  /** The worker's lease table has grown by this part. */
  | { readonly kind: 'chunk'; readonly owner: number; readonly chunk: LeaseMemory }
  /** The worker has stopped. */
  | { readonly kind: 'gone'; readonly owner: number };

/** Messages in the other direction: what happened to a worker's leases. */
export interface FromRenewer {
  readonly owner: number;
  readonly report: RenewalReport;
}

/** Carries a message out, on the renewer's thread. */
export function applyToRenewer(renewer: Renewer, message: ToRenewer): void {
  switch (message.kind) {
    case 'owner':
      return renewer.add(message.owner, message.settings, controlBlockOf(message.controlBlock));
    case 'chunk':
      return renewer.addChunk(message.owner, chunkOf(message.chunk));
    case 'gone':
      return renewer.remove(message.owner);
  }
}
