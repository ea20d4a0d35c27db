// Which rights a user of Redis lacks. Redis itself names only the first command that it refuses, when it is needed: perhaps
// hours after the start, and deep in a script.
import { CANCEL_CHANNEL, META_KEY, pendingKey, QUEUES_KEY, configKey } from '../../../protocol/keys.ts';
import { defineScript } from '../scripts/define-script.ts';
import { lua } from '../scripts/lua.generated.ts';

/** Asks which commands the user may run. None of them is run. */
export const askRights = defineScript({
  lua: lua.rights,
  keys: () => ({}),
  args: (commands: readonly (readonly string[])[]) => ({ commands: JSON.stringify(commands) }),
  reply: (raw) => (raw as readonly unknown[]).map((allowed) => Number(allowed) === 1),
});

/**
 * The commands that work on keys, in scripts or without one, each with arguments behind its key: Redis needs them all to find
 * the keys. Commands that only show figures to people are left out.
 */
const KEY_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  DEL: [],
  EVALSHA: [],
  EXISTS: [],
  EXPIRE: ['1'],
  EXPIREAT: ['1'],
  GET: [],
  HDEL: ['f'],
  HEXISTS: ['f'],
  HGET: ['f'],
  HGETALL: [],
  HINCRBY: ['f', '1'],
  HMGET: ['f'],
  HRANDFIELD: [],
  HSCAN: ['0'],
  HSET: ['f', 'v'],
  HSETNX: ['f', 'v'],
  INCRBY: ['1'],
  LINDEX: ['0'],
  LLEN: [],
  LPOS: ['v'],
  LPUSH: ['v'],
  LRANGE: ['0', '1'],
  LREM: ['1', 'v'],
  LSET: ['0', 'v'],
  LTRIM: ['0', '1'],
  MGET: [],
  RENAME: [],
  RPOP: [],
  RPUSH: ['v'],
  SADD: ['v'],
  SCARD: [],
  SET: ['v'],
  SETNX: ['v'],
  SISMEMBER: ['v'],
  SMEMBERS: [],
  SRANDMEMBER: [],
  SREM: ['v'],
  TYPE: [],
  ZADD: ['1', 'v'],
  ZCARD: [],
  ZCOUNT: ['0', '1'],
  ZMSCORE: ['v'],
  ZRANDMEMBER: [],
  ZRANGE: ['0', '1'],
  ZRANK: ['v'],
  ZREM: ['v'],
  ZREMRANGEBYRANK: ['0', '1'],
  ZREMRANGEBYSCORE: ['0', '1'],
  ZSCAN: ['0'],
  ZSCORE: ['v'],
};

/** The other commands. */
const PLAIN_COMMANDS = [['TIME'], ['CLIENT', 'TRACKING', 'ON']];
const CHANNEL_COMMANDS = [
  ['SUBSCRIBE', CANCEL_CHANNEL],
  ['PUBLISH', CANCEL_CHANNEL, ''],
];

/** One key of each form under the two prefixes that docs/redis.md names. */
const SAMPLE_KEYS: Readonly<Record<string, readonly string[]>> = {
  'asynq:*': [pendingKey('default'), QUEUES_KEY],
  'tc:*': [configKey('default'), META_KEY],
};

/** The command with all its arguments, on a key. */
function onKey(command: string, key: string): string[] {
  if (command === 'EVALSHA') return [command, '0', '1', key];
  if (command === 'RENAME') return [command, key, key];
  return [command, key, ...KEY_COMMANDS[command]!];
}

// A user may have other rights on each of these keys.
const keys = Object.values(SAMPLE_KEYS).flat();
const keyCommands = Object.keys(KEY_COMMANDS);
const shownName = ([command, option]: readonly string[]): string =>
  command === 'CLIENT' ? `${command} ${option}` : command!;

/** All that is asked: each command of the first kind with each key, then the others. */
export const NEEDED_RIGHTS: readonly (readonly string[])[] = [
  ...keys.flatMap((key) => keyCommands.map((command) => onKey(command, key))),
  ...PLAIN_COMMANDS,
  ...CHANNEL_COMMANDS,
];

/** What a user lacks, in words: commands, key patterns and channels. */
function missingOnKeys(isAllowed: (command: readonly string[]) => boolean): string[] {
  const allowedOn = (key: string) => keyCommands.filter((command) => isAllowed(onKey(command, key)));
  const allowedSomewhere = new Set(keys.flatMap(allowedOn));
  // Without any key it cannot be told which commands are allowed.
  const refused =
    allowedSomewhere.size === 0 ? [] : keyCommands.filter((name) => !allowedSomewhere.has(name));
  const missing = refused.map((name) => `the command ${name}`);
  for (const [pattern, samples] of Object.entries(SAMPLE_KEYS)) {
    const closed = samples.filter((key) => allowedOn(key).length === 0);
    if (closed.length === samples.length) missing.push(`the keys ${pattern}`);
    else missing.push(...closed.map((key) => `the key ${key} (of ${pattern})`));
    const open = samples.filter((key) => !closed.includes(key));
    const partly = [...allowedSomewhere].filter((name) => open.some((key) => !isAllowed(onKey(name, key))));
    if (partly.length > 0) missing.push(`${partly.join(', ')} on the keys ${pattern}`);
  }
  return missing;
}

/**
 * Which rights are missing, each in words, such as `the command ZADD`, `the keys tc:*`, `the channel asynq:cancel`.
 *
 * @param allowed the reply of `askRights` to `NEEDED_RIGHTS`
 */
export function missingRights(allowed: readonly boolean[]): string[] {
  const allowedTexts = new Set(
    NEEDED_RIGHTS.filter((_, i) => allowed[i]).map((command) => command.join(' ')),
  );
  const isAllowed = (command: readonly string[]) => allowedTexts.has(command.join(' '));
  const missing = missingOnKeys(isAllowed);
  for (const command of PLAIN_COMMANDS)
    if (!isAllowed(command)) missing.push(`the command ${shownName(command)}`);
  const silent = CHANNEL_COMMANDS.filter((command) => !isAllowed(command));
  if (silent.length > 0)
    missing.push(`the channel ${CANCEL_CHANNEL} (for ${silent.map(shownName).join(' and ')})`);
  return missing;
}
