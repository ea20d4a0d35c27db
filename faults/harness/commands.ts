import type { Command } from '../../packages/engine/test/support/resp-commands.ts';
import { lua } from '../../packages/engine/src/brokers/redis/scripts/lua.generated.ts';

/** Places behind the keys: now, slot, sequence, then these. */
const FINISHES = 3;
const ROOM = 4;

const runs = ({ args }: Command, { text, sha1 }: { text: string; sha1: string }): boolean =>
  String(args[1]) === sha1 || String(args[1]) === text;

/** An argument of a script, counted from `now`. */
const argument = ({ args }: Command, place: number): number => Number(args[3 + Number(args[2]) + place]);

/** Stores tasks. */
export const isEnqueue = (command: Command): boolean => runs(command, lua.enqueue);
/** Asks for tasks, and hands in no end of an attempt. */
export const isDequeue = (command: Command): boolean =>
  runs(command, lua.exchange) && argument(command, ROOM) > 0 && argument(command, FINISHES) === 0;
/** Hands in ends of attempts. */
export const isFinish = (command: Command): boolean =>
  runs(command, lua.exchange) && argument(command, FINISHES) > 0;
