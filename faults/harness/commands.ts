import type { Command } from '../../packages/engine/test/support/resp-commands.ts';
import { lua } from '../../packages/engine/src/brokers/redis/scripts/lua.generated.ts';

const runs = ({ args }: Command, { text, sha1 }: { text: string; sha1: string }): boolean =>
  String(args[1]) === sha1 || String(args[1]) === text;

/** The arguments of an exchange by name, in their order. */
type ExchangeArgs = Parameters<typeof lua.exchange.args>[0];
const ARGS = lua.exchange.args(new Proxy({} as ExchangeArgs, { get: (_, name) => name }));

/** A number among them; the command is EVALSHA or EVAL, script, number of keys, keys, `now`, arguments. */
const argument = ({ args }: Command, name: keyof ExchangeArgs): number =>
  Number(args[4 + Number(args[2]) + ARGS.indexOf(name)]);

/** The command stores tasks. */
export const isEnqueue = (command: Command): boolean => runs(command, lua.enqueue);
/** The command fetches tasks and finishes none. */
export const isDequeue = (command: Command): boolean =>
  runs(command, lua.exchange) && argument(command, 'room') > 0 && argument(command, 'finishQueues') === 0;
/** The command finishes attempts. */
export const isFinish = (command: Command): boolean =>
  runs(command, lua.exchange) && argument(command, 'finishQueues') > 0;
/** The command asks for schedules that are due. */
export const isScheduleDue = (command: Command): boolean => runs(command, lua.scheduleDue);
/** The command writes what was decided about schedules. */
export const isScheduleFire = (command: Command): boolean => runs(command, lua.scheduleFire);
