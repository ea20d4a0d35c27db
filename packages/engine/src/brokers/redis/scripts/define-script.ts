import type { LuaSource, RedisArg, Script } from '../client/script.ts';

/** A script of `lua.generated.ts`, with what its header declares. */
interface DeclaredLua<Key extends string, Arg extends string> extends LuaSource {
  readonly name: string;
  /** Names of the keys, in the order of KEYS. A list of keys behind them has no name here. */
  readonly keys: readonly Key[];
  /** Names of the arguments, in the order of ARGV from ARGV[2] on. A list of values behind them has no name here. */
  readonly args: readonly Arg[];
}

/** The values of a record of arguments, by the names that the script has for them. */
type ValuesOf<Name extends string> = Readonly<Record<Name, RedisArg | number>>;

/** Keys and arguments by name; the script's header says their order. */
interface ScriptDefinition<Call, Reply, Key extends string, Arg extends string> {
  readonly lua: DeclaredLua<Key, Arg>;
  keys(call: Call): Readonly<Record<Key, string>>;
  /** The keys behind the named ones. */
  moreKeys?(call: Call): readonly string[];
  args(call: Call): ValuesOf<Arg>;
  /** The arguments behind the named ones. */
  moreArgs?(call: Call): readonly (RedisArg | number)[];
  reply(raw: unknown, call: Call): Reply;
}

/** Appends the values of a record in the order of its names. */
export function appendRecord<Name extends string>(
  args: (RedisArg | number)[],
  names: readonly Name[],
  values: ValuesOf<Name>,
): void {
  for (const name of names) args.push(values[name]);
}

/** The values of several records, one behind the other. */
export function recordValues<Name extends string>(
  names: readonly Name[],
  records: readonly ValuesOf<Name>[],
): (RedisArg | number)[] {
  const args: (RedisArg | number)[] = [];
  for (const values of records) appendRecord(args, names, values);
  return args;
}

/** Defines a script. A key or an argument that its header declares and the definition lacks does not compile. */
export function defineScript<Call, Reply, Key extends string, Arg extends string>(
  definition: ScriptDefinition<Call, Reply, Key, Arg>,
): Script<Call, Reply> {
  const { lua } = definition;
  return {
    name: lua.name,
    lua,
    keys(call) {
      const named = definition.keys(call);
      const keys = lua.keys.map((key) => named[key]);
      return definition.moreKeys ? keys.concat(definition.moreKeys(call)) : keys;
    },
    args(call) {
      const args: (RedisArg | number)[] = [];
      appendRecord(args, lua.args, definition.args(call));
      return definition.moreArgs ? args.concat(definition.moreArgs(call)) : args;
    },
    reply: (raw, call) => definition.reply(raw, call),
  };
}
