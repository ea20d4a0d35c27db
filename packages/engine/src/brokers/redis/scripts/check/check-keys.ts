import type { Candidate } from '../../../../broker/check.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

export interface KeysPage {
  /** Where the next page begins; '0' = this was the last one. */
  readonly cursor: string;
  readonly suspects: readonly Candidate[];
  /** Tasks that say that they are in a list. */
  readonly listed: readonly string[];
  readonly groups: readonly string[];
}

function suspectsOf(flat: readonly unknown[]): Candidate[] {
  const suspects: Candidate[] = [];
  for (let i = 0; i < flat.length; i += 3)
    suspects.push({ what: textOf(flat[i]), name: textOf(flat[i + 1]), at: textOf(flat[i + 2]) });
  return suspects;
}

export const checkKeys = defineScript({
  name: 'check-keys',
  lua: lua.checkKeys,
  keys: ({ queue }: { readonly queue: string; readonly cursor: string }) => [pendingKey(queue)],
  args: ({ cursor }) => [cursor],
  reply(raw): KeysPage {
    const [cursor, suspects, listed, groups] = raw as readonly [unknown, unknown[], unknown[], unknown[]];
    return {
      cursor: textOf(cursor),
      suspects: suspectsOf(suspects),
      listed: listed.map(textOf),
      groups: groups.map(textOf),
    };
  },
});
