import { FAULT_KINDS, type Fault, type FaultKind, type Candidate } from '../../../../broker/check.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

export interface CheckCall {
  readonly queue: string;
  readonly candidates: readonly Candidate[];
  readonly repair: boolean;
}

type RawFault = readonly [kind: unknown, found: unknown, done: unknown];

function parseFault([kind, found, done]: RawFault): Fault | null {
  const text = textOf(kind);
  if (!FAULT_KINDS.includes(text as FaultKind)) return null;
  return { kind: text as FaultKind, found: textOf(found), done: textOf(done) || null };
}

/** Replies with a fault or null for each candidate examined: the first ones of the call, at least one. */
export const check = defineScript({
  name: 'check',
  lua: lua.check,
  keys: ({ queue }: CheckCall) => [pendingKey(queue)],
  args: ({ candidates, repair }) => [
    repair ? 1 : 0,
    ...candidates.flatMap(({ what, name, at }) => [what, name, at]),
  ],
  reply: (raw) => (raw as readonly RawFault[]).map(parseFault),
});
