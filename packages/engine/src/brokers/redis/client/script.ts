/** An argument of a command. Text is sent as UTF-8; messages and payloads are Buffers. */
export type RedisArg = string | Buffer;

/** A script's text and its SHA-1 in hex. */
export interface LuaSource {
  readonly text: string;
  readonly sha1: string;
}

/**
 * A Lua script as a typed value: how a call becomes keys and arguments, and how its reply is read. A call whose reply was
 * lost is sent again, so the script must be safe to repeat.
 */
export interface Script<Call, Reply> {
  /** For error and log texts. */
  readonly name: string;
  readonly lua: LuaSource;
  /** The first key chooses the node. In a cluster all others must have its hash tag. */
  keys(call: Call): string[];
  /** ARGV[2] and on; the client puts `now` in front as ARGV[1]. */
  args(call: Call): (RedisArg | number)[];
  /** Reads the raw reply: blob strings are Buffers, integers are numbers, nil is null. */
  reply(raw: unknown, call: Call): Reply;
}
