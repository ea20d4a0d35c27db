import type { LuaSource, RedisArg } from './script.ts';

/** A call on its way to Redis, with all that a repeat of it needs. */
export interface Call {
  /** Number of the call: repeats keep the order. */
  readonly order: number;
  /** With a script: what follows the SHA or the text. */
  readonly args: readonly RedisArg[];
  readonly lua: LuaSource | null;
  /** By which it finds its server; null = any. */
  readonly key: string | null;
  /** The server that it is for, whatever its key. */
  readonly node: string | null;
  /** A command that follows on the same connection; then the reply is `[reply, its reply]`. */
  readonly confirm: readonly RedisArg[] | null;
  readonly signal: AbortSignal | undefined;
  leftMs: number;
  /** An attempt may have reached Redis without our hearing of it. */
  inDoubt: boolean;
  sent: boolean;
  /** The server to ask this once, while the key's slot moves there. */
  asking: string | null;
  /** Times that it was sent to another server. */
  redirects: number;
  /** Times that Redis asked to come back later. */
  backoffs: number;
  backoffTimer: NodeJS.Timeout | undefined;
  /** The last such reason. */
  cause: string | null;
  resolve(reply: unknown): void;
  reject(error: unknown): void;
}
