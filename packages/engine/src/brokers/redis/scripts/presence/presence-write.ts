import { serverInfoKey, workersKey, type ServerName } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

export interface PresenceWriteCall {
  readonly server: ServerName;
  /** Until the keys expire. */
  readonly seconds: number;
  /** Encoded ServerInfo; null = only add tasks. */
  readonly info: Buffer | null;
  readonly tasks: readonly (readonly [id: string, info: Buffer])[];
}

export const presenceWrite = defineScript({
  name: 'presence-write',
  lua: lua.presenceWrite,
  keys: ({ server }: PresenceWriteCall) => [serverInfoKey(server), workersKey(server)],
  args: ({ seconds, info, tasks }) => [seconds, info ?? '', ...tasks.flat()],
  reply: () => undefined,
});
