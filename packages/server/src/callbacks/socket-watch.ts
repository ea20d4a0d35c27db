import { channel } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/**
 * Which address a request went to. undici tells it through its diagnostics channels only: a request is made
 * while `dispatch` runs, and names its socket when its headers are sent.
 */
export interface SocketWatch {
  /** Runs `dispatch`, and calls `onAddress` when what it made is sent. */
  during(dispatch: () => void, onAddress: (address: string | null) => void): void;
  close(): void;
}

const CREATED = channel('undici:request:create');
const SENT = channel('undici:client:sendHeaders');

export function watchSockets(): SocketWatch {
  const byRequest = new WeakMap<object, (address: string | null) => void>();
  let making: ((address: string | null) => void) | undefined;

  const onCreated = (message: unknown) => {
    if (making) byRequest.set((message as { request: object }).request, making);
  };
  const onSent = (message: unknown) => {
    const { request, socket } = message as { request: object; socket: Socket };
    byRequest.get(request)?.(socket.remoteAddress ?? null);
  };
  CREATED.subscribe(onCreated);
  SENT.subscribe(onSent);

  return {
    during(dispatch, onAddress) {
      making = onAddress;
      try {
        dispatch();
      } finally {
        making = undefined;
      }
    },
    close() {
      CREATED.unsubscribe(onCreated);
      SENT.unsubscribe(onSent);
    },
  };
}
