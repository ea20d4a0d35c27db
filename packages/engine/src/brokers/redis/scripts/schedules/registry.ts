// Scripts of the registry of schedules, which is in a slot of its own.
import { SCHEDULES_KEY } from '../../../../protocol/keys.ts';
import { defineScript } from '../define-script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

/** How old an entry is when what it announces is written, or never will be, ms: no call lasts that long. */
const SETTLED_MS = 10_000;

/** One key, whatever the queues: its slot is another one than theirs. */
const registryKeys = () => ({ registry: SCHEDULES_KEY });

/** The queue of an entry `<claim>;<ms>;<queue>`. */
function queueIn(raw: unknown): string | null {
  return raw === null ? null : (/^[^;]*;\d+;(.*)$/s.exec(textOf(raw))?.[1] ?? null);
}

/** Replies with the queues of schedules, in order; null = there is no such schedule. */
export const registryRead = defineScript({
  lua: lua.registryRead,
  keys: (_call: readonly string[]) => registryKeys(),
  args: () => ({}),
  moreArgs: (names, args) => void args.push(...names),
  reply(raw): { nowMs: number; queues: (string | null)[] } {
    const [now, entries] = raw as readonly [unknown, readonly unknown[]];
    return { nowMs: Number(textOf(now)), queues: entries.map(queueIn) };
  },
});

/** An entry to make: the schedule `name` will be in this queue. */
export interface RegistryEntry {
  readonly name: string;
  /** Stored queue. */
  readonly queue: string;
  /** Whether it was looked for in the queue of the other entry and is not there. */
  readonly mayReplace: boolean;
}

/** Another entry that stays. */
export interface OtherEntry {
  readonly queue: string;
  /** Whether what it announces is written by now, or never will be. */
  readonly isSettled: boolean;
}

/** Enters schedules. Replies per entry with another one that stays; null = it is entered. */
export const registryClaim = defineScript({
  lua: lua.registryClaim,
  keys: (_call: { readonly claim: string; readonly entries: readonly RegistryEntry[] }) => registryKeys(),
  args: ({ claim }) => ({ claim, settledMs: SETTLED_MS }),
  moreArgs({ entries }, args) {
    for (const { name, queue, mayReplace } of entries)
      lua.registryClaim.records.entry(args, { name, queue, mayReplace: mayReplace ? 1 : 0 });
  },
  reply: (raw): (OtherEntry | null)[] =>
    (raw as readonly (readonly [unknown, number] | null)[]).map(
      (other) => other && { queue: textOf(other[0]), isSettled: other[1] === 1 },
    ),
});

/** Takes out the entries of schedules that were removed, if they have still the same claim. Replies with their number. */
export const registryRelease = defineScript({
  lua: lua.registryRelease,
  keys: (_call: readonly { readonly name: string; readonly claim: string }[]) => registryKeys(),
  args: () => ({}),
  moreArgs(entries, args) {
    for (const entry of entries) lua.registryRelease.records.entry(args, entry);
  },
  reply: (raw) => raw as number,
});

/** An entry that seems wrong. */
interface MendCall {
  readonly name: string;
  /** Has the schedule, or is named by the entry. */
  readonly queue: string;
  /** Whether it has it. */
  readonly has: boolean;
  /** False = only look. */
  readonly repair: boolean;
}

/** Enters a schedule, or takes out an entry without one. `fine`: nothing is wrong, or a call is under way. */
export const registryMend = defineScript({
  lua: lua.registryMend,
  keys: (_call: MendCall) => registryKeys(),
  args: ({ name, queue, has, repair }) => ({
    name,
    queue,
    has: has ? 1 : 0,
    repair: repair ? 1 : 0,
    settledMs: SETTLED_MS,
  }),
  reply: (raw): 'wrong' | 'fine' => (raw === 1 ? 'wrong' : 'fine'),
});
