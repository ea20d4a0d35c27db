import type { LeaseRenewal, LeaseMemory, LeaseNote, LeaseSettings } from '../broker/lease-renewal.ts';
import type { FromRenewer, ToRenewer } from './renewer-messages.ts';

/** A renewer on another thread, as the main thread sees it. */
export interface RemoteRenewer extends LeaseRenewal {
  receive(message: FromRenewer): void;
  /** All that a thread which takes over has to know. */
  everything(): ToRenewer[];
}

export interface RemoteRenewerDeps {
  post(message: ToRenewer): void;
  replace(): void;
}

interface Owner {
  readonly settings: LeaseSettings;
  readonly head: SharedArrayBuffer;
  readonly chunks: LeaseMemory[];
  onNote(note: LeaseNote): void;
}

export function createRemoteRenewer({ post, replace }: RemoteRenewerDeps): RemoteRenewer {
  const owners = new Map<number, Owner>();
  let last = 0;

  return {
    renew(settings, head, onNote) {
      const owner = (last += 1);
      const chunks: LeaseMemory[] = [];
      owners.set(owner, { settings, head, chunks, onNote });
      post({ kind: 'owner', owner, settings, head });
      return {
        add({ memory, textBytes }) {
          const chunk = { memory, textBytes };
          chunks.push(chunk);
          post({ kind: 'chunk', owner, chunk });
        },
        replace,
        end() {
          owners.delete(owner);
          post({ kind: 'gone', owner });
        },
      };
    },
    receive: ({ owner, note }) => owners.get(owner)?.onNote(note),
    everything: () =>
      [...owners].flatMap(([owner, { settings, head, chunks }]): ToRenewer[] => [
        { kind: 'owner', owner, settings, head },
        ...chunks.map((chunk): ToRenewer => ({ kind: 'chunk', owner, chunk })),
      ]),
  };
}
