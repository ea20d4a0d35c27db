import type { Command } from '../../packages/engine/test/support/resp-commands.ts';
import { lua } from '../../packages/engine/src/brokers/redis/scripts/lua.generated.ts';

/** Positions in ARGV of the exchange script, counted from 0: now, slot, sequence, then these. */
const FINISHES = 3;
const ROOM = 4;

const runs = ({ args }: Command, { text, sha1 }: { text: string; sha1: string }): boolean =>
  String(args[1]) === sha1 || String(args[1]) === text;

/** A number in ARGV of an EVALSHA or EVAL command. */
const argument = ({ args }: Command, index: number): number => Number(args[3 + Number(args[2]) + index]);

/** The command stores tasks. */
export const isEnqueue = (command: Command): boolean => runs(command, lua.enqueue);
/** The command fetches tasks and finishes none. */
export const isDequeue = (command: Command): boolean =>
  runs(command, lua.exchange) && argument(command, ROOM) > 0 && argument(command, FINISHES) === 0;
/** The command finishes attempts. */
export const isFinish = (command: Command): boolean =>
  runs(command, lua.exchange) && argument(command, FINISHES) > 0;
