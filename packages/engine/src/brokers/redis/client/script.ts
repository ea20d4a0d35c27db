/** An argument of a command. Text is sent as UTF-8; messages and payloads are Buffers. */
export type RedisArg = string | Buffer;

/** A script's text and its SHA-1, as `lua.generated.ts` has them. */
export interface LuaSource {
  readonly text: string;
  readonly sha1: string;
}

/** A Lua script as a typed value: arguments out, reply in. The same call may be sent twice (design D2, receipts). */
export interface Script<Call, Reply> {
  /** For messages. */
  readonly name: string;
  readonly lua: LuaSource;
  keys(call: Call): string[];
  /** What follows `now`, which the connection puts first. */
  args(call: Call): (RedisArg | number)[];
  /** Blob strings in `raw` are Buffers, integers numbers, nil null. */
  reply(raw: unknown, call: Call): Reply;
}

/** Gives a script its types. */
export function defineScript<Call, Reply>(script: Script<Call, Reply>): Script<Call, Reply> {
  return script;
}
