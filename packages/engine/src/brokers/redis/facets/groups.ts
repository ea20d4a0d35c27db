import type { GroupSize } from '../../../broker/inspect.ts';
import { groupKey, groupsKey } from '../../../protocol/keys.ts';
import type { RedisParts } from '../parts.ts';
import { textOf } from '../scripts/reply.ts';

const MOST_GROUPS = 10_000;
const STEP = '500';

/** Asynq's groups in steps of a few hundred: nobody bounds how many there are. */
export async function groups({ connection }: RedisParts, queue: string): Promise<GroupSize[]> {
  const sizes = new Map<string, number>();
  let cursor = '0';
  do {
    const [next, names] = (await connection.command([
      'SSCAN',
      groupsKey(queue),
      cursor,
      'COUNT',
      STEP,
    ])) as readonly [unknown, readonly unknown[]];
    cursor = textOf(next);
    await Promise.all(
      names.map(textOf).map(async (group) => {
        sizes.set(group, Number(await connection.command(['ZCARD', groupKey(queue, group)])));
      }),
    );
  } while (cursor !== '0' && sizes.size < MOST_GROUPS);
  return [...sizes]
    .map(([group, size]) => ({ group, size }))
    .filter(({ size }) => size > 0)
    .sort((a, b) => (a.group < b.group ? -1 : 1));
}
