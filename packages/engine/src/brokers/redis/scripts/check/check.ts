import { FAULT_KINDS, type Fault, type FaultKind, type Candidate } from '../../../../broker/check.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

export interface CheckCall {
  readonly queue: string;
  readonly suspects: readonly Candidate[];
  readonly mend: boolean;
}

type RawFault = readonly [kind: unknown, found: unknown, done: unknown];

function faultOf([kind, found, done]: RawFault): Fault | null {
  const text = textOf(kind);
  if (!FAULT_KINDS.includes(text as FaultKind)) return null;
  return { kind: text as FaultKind, found: textOf(found), done: textOf(done) || null };
}

/** Replies with what is wrong with the first of the suspects, as far as it came. */
export const check = defineScript({
  name: 'check',
  lua: lua.check,
  keys: ({ queue }: CheckCall) => [pendingKey(queue)],
  args: ({ suspects, mend }) => [mend ? 1 : 0, ...suspects.flatMap(({ what, name, at }) => [what, name, at])],
  reply: (raw) => (raw as readonly RawFault[]).map(faultOf),
});
