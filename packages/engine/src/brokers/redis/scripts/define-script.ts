import type { LuaSource, RedisArg, Script } from '../client/script.ts';

/** A key's or an argument's value. */
export type ScriptValue = RedisArg | number;
/** Keys by the names that the script's header declares. */
export type Keys<Name extends string> = Readonly<Record<Name, string>>;
/** Arguments, or the values of a record of them, by the names that Lua declares. */
export type Values<Name extends string> = Readonly<Record<Name, ScriptValue>>;

/** A script of `lua.generated.ts`. Its functions put named keys and arguments into the order of KEYS and ARGV. */
interface DeclaredLua<NamedKeys, NamedArgs> extends LuaSource {
  readonly name: string;
  keys(named: NamedKeys): string[];
  args(named: NamedArgs): ScriptValue[];
}

interface ScriptDefinition<Call, Reply, NamedKeys, NamedArgs> {
  readonly lua: DeclaredLua<NamedKeys, NamedArgs>;
  keys(call: Call): NamedKeys;
  /** The keys behind the named ones. */
  moreKeys?(call: Call): readonly string[];
  args(call: Call): NamedArgs;
  /** Appends the arguments behind the named ones. */
  moreArgs?(call: Call, args: ScriptValue[]): void;
  reply(raw: unknown, call: Call): Reply;
}

/** Defines a script. A key or an argument that its header declares and the definition lacks does not compile. */
export function defineScript<Call, Reply, NamedKeys, NamedArgs>(
  definition: ScriptDefinition<Call, Reply, NamedKeys, NamedArgs>,
): Script<Call, Reply> {
  const { lua } = definition;
  return {
    name: lua.name,
    lua,
    keys(call) {
      const keys = lua.keys(definition.keys(call));
      if (definition.moreKeys) keys.push(...definition.moreKeys(call));
      return keys;
    },
    args(call) {
      const args = lua.args(definition.args(call));
      definition.moreArgs?.(call, args);
      return args;
    },
    reply: (raw, call) => definition.reply(raw, call),
  };
}

/** What a script that takes many queues is called with. */
export interface QueuesCall {
  readonly queues: readonly string[];
}
