import { serverInfoKey, type ServerName, workersKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../define-script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

export interface PresenceWriteCall {
  readonly server: ServerName;
  /** Until the keys expire. */
  readonly seconds: number;
  /** Encoded ServerInfo; null = only add tasks. */
  readonly info: Buffer | null;
  readonly tasks: readonly (readonly [id: string, info: Buffer])[];
}

export const presenceWrite = defineScript({
  lua: lua.presenceWrite,
  keys: ({ server }: PresenceWriteCall) => ({
    serverInfo: serverInfoKey(server),
    workers: workersKey(server),
  }),
  args: ({ seconds, info }) => ({ seconds, info: info ?? '' }),
  moreArgs: ({ tasks }, args) => void args.push(...tasks.flat()),
  reply: () => undefined,
});

export interface PresenceIndexCall {
  /** One of Asynq's sets of keys by expiry. */
  readonly set: string;
  /** Until the key expires. */
  readonly seconds: number;
  readonly key: string;
}

export const presenceIndex = defineScript({
  lua: lua.presenceIndex,
  keys: ({ set }: PresenceIndexCall) => ({ set }),
  args: ({ seconds, key }) => ({ seconds, key }),
  reply: () => undefined,
});

/** Replies with the keys that one of Asynq's sets has as alive. */
export const presenceList = defineScript({
  lua: lua.presenceList,
  keys: (set: string) => ({ set }),
  args: () => ({}),
  reply: (raw): string[] => (raw as unknown[]).map(textOf),
});

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
  lua: lua.presenceRead,
  keys: (call: PresenceReadCall) => ({ serverInfo: call.serverKey, workers: call.workersKey }),
  args: ({ cursor }) => ({ cursor }),
  reply: (raw): PresenceReadReply => {
    const [info, cursor, workers] = raw as readonly [Buffer | null, unknown, Buffer[]];
    return { info, cursor: textOf(cursor), workers };
  },
});
