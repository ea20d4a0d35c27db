import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

/** Reads a server's info and a page of its tasks; cursor '0' = from the start. */
export interface PresenceReadCall {
  readonly serverKey: string;
  readonly workersKey: string;
  readonly cursor: string;
}

export interface PresenceReadReply {
  /** Encoded ServerInfo; null = the key does not exist or has a wrong type. */
  readonly info: Buffer | null;
  readonly cursor: string;
  /** Encoded WorkerInfos. */
  readonly workers: readonly Buffer[];
}

export const presenceRead = defineScript({
  name: 'presence-read',
  lua: lua.presenceRead,
  keys: ({ serverKey, workersKey }: PresenceReadCall) => [serverKey, workersKey],
  args: ({ cursor }) => [cursor],
  reply: (raw): PresenceReadReply => {
    const [info, cursor, workers] = raw as readonly [Buffer | null, unknown, Buffer[]];
    return { info, cursor: textOf(cursor), workers };
  },
});
