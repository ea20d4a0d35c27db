import type { LeaseRenewal, LeaseMemory, RenewalReport, LeaseSettings } from '../broker/lease-renewal.ts';
import type { FromRenewer, ToRenewer } from './renewer-messages.ts';

/** The broker's facet `LeaseRenewal` on the main thread: a stub of the renewer on another thread. */
export interface RemoteRenewer extends LeaseRenewal {
  /** Hands a report of the other thread to its worker. */
  receive(message: FromRenewer): void;
  /** All messages that a new thread needs to take over from one that is gone. */
  setUpMessages(): ToRenewer[];
}

export interface RemoteRenewerDeps {
  /** Sends a message to the renewer's thread. */
  post(message: ToRenewer): void;
  /** Ends that thread and starts another. */
  replace(): void;
}

/** A worker: what each new thread is told about it, and the callback for reports on its leases. */
interface RegisteredOwner {
  readonly settings: LeaseSettings;
  readonly controlBlock: SharedArrayBuffer;
  readonly chunks: LeaseMemory[];
  onReport(report: RenewalReport): void;
}

export function createRemoteRenewer({ post, replace }: RemoteRenewerDeps): RemoteRenewer {
  const owners = new Map<number, RegisteredOwner>();
  let lastOwner = 0;

  return {
    renew(settings, controlBlock, onReport) {
      const owner = (lastOwner += 1);
      const chunks: LeaseMemory[] = [];
      owners.set(owner, { settings, controlBlock, chunks, onReport });
      post({ kind: 'owner', owner, settings, controlBlock });
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
    receive: ({ owner, report }) => owners.get(owner)?.onReport(report),
    setUpMessages: () =>
      [...owners].flatMap(([owner, { settings, controlBlock, chunks }]): ToRenewer[] => [
        { kind: 'owner', owner, settings, controlBlock },
        ...chunks.map((chunk): ToRenewer => ({ kind: 'chunk', owner, chunk })),
      ]),
  };
}
