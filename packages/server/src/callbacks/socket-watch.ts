import { channel } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/**
 * Finds out which address a request was sent to. undici reports it only through its diagnostics channels: a request is
 * created while `dispatch` runs, and the event for its sent headers names the socket.
 */
export interface SocketWatch {
  /** Runs `dispatch` and calls `onAddress` when the request that it creates is sent. */
  during(dispatch: () => void, onAddress: (address: string | null) => void): void;
  close(): void;
}

const CREATED = channel('undici:request:create');
const SENT = channel('undici:client:sendHeaders');

export function watchSockets(): SocketWatch {
  /** Called for each request of ours; other users of undici in this process are not in it. */
  const byRequest = new WeakMap<object, (address: string | null) => void>();
  let current: ((address: string | null) => void) | undefined;

  const onCreated = (message: unknown) => {
    if (current) byRequest.set((message as { request: object }).request, current);
  };
  const onSent = (message: unknown) => {
    const { request, socket } = message as { request: object; socket: Socket };
    byRequest.get(request)?.(socket.remoteAddress ?? null);
  };
  CREATED.subscribe(onCreated);
  SENT.subscribe(onSent);

  return {
    during(dispatch, onAddress) {
      current = onAddress;
      try {
        dispatch();
      } finally {
        current = undefined;
      }
    },
    close() {
      CREATED.unsubscribe(onCreated);
      SENT.unsubscribe(onSent);
    },
  };
}
