import type { Timer } from '../../../runtime/clock.ts';
import type { SetMember } from '../../../runtime/unordered-set.ts';
import type { LuaSource, RedisArg } from './script.ts';

/** What a caller asks for, and everything that is needed to send it again. */
export interface CallRequest {
  /** Number of the call, from 1. Calls that are sent again keep this order. */
  readonly order: number;
  /** Of a script: what follows its SHA or its text. Of a plain command: the whole command. */
  readonly args: readonly RedisArg[];
  /** Null for a plain command. */
  readonly lua: LuaSource | null;
  /** The key whose node gets the call; null = any node will do. */
  readonly key: string | null;
  /** The node that must get the call, whatever its key; null = the key decides. */
  readonly node: string | null;
  /** A command sent right behind the call on the same connection; the call then resolves to `[reply, its reply]`. */
  readonly confirm: readonly RedisArg[] | null;
  readonly signal: AbortSignal | undefined;
  /** See `RunOptions`. */
  readonly isProbe: boolean;
}

/** A call that has no outcome yet. */
export interface Call extends CallRequest, SetMember {
  /** Time left until the deadline, ms; counts down while this process is awake. */
  leftMs: number;
  /** An attempt may have reached Redis, but its reply was lost. */
  inDoubt: boolean;
  /** An attempt is under way. */
  isSent: boolean;
  /** The node that gets the next attempt after `ASKING`, because the key's slot is moving there. */
  asking: string | null;
  /** MOVED and ASK replies followed so far. */
  redirects: number;
  /** Times that the call was put off because Redis asked to come back later. */
  backoffs: number;
  backoffTimer: Timer | undefined;
  /** Why the call was put off the last time. */
  cause: string | null;
  resolve(reply: unknown): void;
  reject(error: unknown): void;
}

/** A call that has not been sent yet. */
export function newCall(
  { order, args, lua, key, node, confirm, signal, isProbe }: CallRequest,
  leftMs: number,
  { resolve, reject }: Pick<Call, 'resolve' | 'reject'>,
): Call {
  return {
    order,
    args,
    lua,
    key,
    node,
    confirm,
    signal,
    isProbe,
    leftMs,
    inDoubt: false,
    isSent: false,
    asking: null,
    redirects: 0,
    backoffs: 0,
    backoffTimer: undefined,
    cause: null,
    position: -1,
    resolve,
    reject,
  };
}
