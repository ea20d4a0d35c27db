import { describe, expect, test } from 'vitest';
import type { GroupSearchStep } from '../../broker/groups.ts';
import { GroupSearch } from './group-search.ts';

const RULES = { graceMs: 0, maxDelayMs: 0, maxSize: 0 };
/** Groups that a step of this broker looks at. */
const STEP = 4;

/** A broker with groups 0, 1, 2 …, some of them ready; it records where steps begin. */
function createGroups(count: number, ready: Set<number>) {
  const begun: number[] = [];
  return {
    begun,
    async take(...[queue, , limit, from]: [string, object, number, string | null]): Promise<GroupSearchStep> {
      const first = Number(from ?? 0);
      begun.push(first);
      const sets: GroupSearchStep['sets'][number][] = [];
      let group = first;
      for (; group < Math.min(count, first + STEP) && sets.length < limit; group += 1)
        if (ready.delete(group)) sets.push({ queue, group: String(group), id: 'id', size: 1 });
      return { sets, checked: group - first, next: group < count ? String(group) : null };
    },
  };
}

describe('a search for groups that are ready', () => {
  test('takes steps until it has enough sets, and goes on there the next time', async () => {
    const groups = createGroups(20, new Set([1, 6, 7, 15]));
    const search = new GroupSearch(groups, RULES);
    expect((await search.take('q', 2)).map(({ group }) => group)).toEqual(['1', '6']);
    expect(groups.begun).toEqual([0, 4]);
    expect((await search.take('q', 2)).map(({ group }) => group)).toEqual(['7', '15']);
    expect(groups.begun.slice(2)).toEqual([7, 11, 15]);
  });

  test('goes on with the first groups when it reaches the last one', async () => {
    const groups = createGroups(8, new Set([5]));
    const search = new GroupSearch(groups, RULES);
    await search.take('q', 1);
    groups.begun.length = 0;
    expect(await search.take('q', 1)).toEqual([]);
    expect(groups.begun).toEqual([6, 0, 4]);
  });

  test('ends after about 10,000 groups, and remembers its place by queue', async () => {
    const groups = createGroups(20_000, new Set([12_000]));
    const search = new GroupSearch(groups, RULES);
    expect(await search.take('q', 1)).toEqual([]);
    expect(groups.begun).toHaveLength(10_000 / STEP);
    expect(await search.take('q', 1)).toMatchObject([{ group: '12000' }]);
    groups.begun.length = 0;
    await search.take('other', 1);
    expect(groups.begun[0]).toBe(0);
  });
});
