import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript, type RedisArg } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

export interface ExtendCall {
  readonly queue: string;
  readonly leases: readonly { readonly id: string; readonly token: number }[];
  readonly lengthMs: number;
}

/** Replies with a flag per lease: whether it was renewed. False = it is lost. */
export const extend = defineScript({
  name: 'extend',
  lua: lua.extend,
  keys: ({ queue }: ExtendCall) => [pendingKey(queue)],
  args: ({ leases, lengthMs }) => [lengthMs, ...leases.flatMap(({ id, token }) => [id, token])],
  reply: (raw) => Array.from(textOf(raw), (code) => code === '1'),
});

export interface KeepResultsCall {
  readonly queue: string;
  readonly results: readonly { readonly id: string; readonly token: number; readonly result: RedisArg }[];
}

/** Replies with a flag per result: whether it was stored. False = the lease is lost, or the task no longer exists. */
export const keepResults = defineScript({
  name: 'keep-results',
  lua: lua.keepResults,
  keys: ({ queue }: KeepResultsCall) => [pendingKey(queue)],
  args: ({ results }) => results.flatMap(({ id, token, result }) => [id, token, result]),
  reply: (raw) => Array.from(textOf(raw), (code) => code === '1'),
});
