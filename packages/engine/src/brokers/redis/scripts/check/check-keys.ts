import type { Candidate } from '../../../../broker/check.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

export interface KeysPage {
  /** Where the next page begins; '0' = this was the last one. */
  readonly cursor: string;
  readonly candidates: readonly Candidate[];
  /** IDs of tasks whose state says that they are in a list. */
  readonly listed: readonly string[];
  /** Keys of groups and aggregation sets. */
  readonly groups: readonly string[];
}

function parseCandidates(flat: readonly unknown[]): Candidate[] {
  const candidates: Candidate[] = [];
  for (let i = 0; i < flat.length; i += 3)
    candidates.push({ what: textOf(flat[i]), name: textOf(flat[i + 1]), at: textOf(flat[i + 2]) });
  return candidates;
}

/** Scans a page of the keys of one queue. */
export const checkKeys = defineScript({
  name: 'check-keys',
  lua: lua.checkKeys,
  keys: ({ queue }: { readonly queue: string; readonly cursor: string }) => [pendingKey(queue)],
  args: ({ cursor }) => [cursor],
  reply(raw): KeysPage {
    const [cursor, candidates, listed, groups] = raw as readonly [unknown, unknown[], unknown[], unknown[]];
    return {
      cursor: textOf(cursor),
      candidates: parseCandidates(candidates),
      listed: listed.map(textOf),
      groups: groups.map(textOf),
    };
  },
});
