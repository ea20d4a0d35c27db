import type { LeaseMemory, LeaseNote, LeaseSettings } from '../broker/lease-renewal.ts';
import { chunkOf, controlBlockOf } from './lease-memory.ts';
import type { Renewer } from './renewer.ts';

/** What the main thread says to a thread that renews its leases. */
export type ToRenewer =
  | {
      readonly kind: 'owner';
      readonly owner: number;
      readonly settings: LeaseSettings;
      readonly head: SharedArrayBuffer;
    }
  | { readonly kind: 'chunk'; readonly owner: number; readonly chunk: LeaseMemory }
  | { readonly kind: 'gone'; readonly owner: number };

/** What it hears. */
export interface FromRenewer {
  readonly owner: number;
  readonly note: LeaseNote;
}

export function tellRenewer(renewer: Renewer, message: ToRenewer): void {
  switch (message.kind) {
    case 'owner':
      return renewer.add(message.owner, message.settings, controlBlockOf(message.head));
    case 'chunk':
      return renewer.addChunk(message.owner, chunkOf(message.chunk));
    case 'gone':
      return renewer.remove(message.owner);
  }
}
