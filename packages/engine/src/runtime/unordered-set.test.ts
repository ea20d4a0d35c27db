import { array, assert, boolean, nat, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { UnorderedSet } from './unordered-set.ts';

interface Member {
  readonly name: number;
  position: number;
}

test('has the same members as a Set, whatever is added and deleted', () => {
  const step = record({ adds: boolean(), name: nat(8) });
  assert(
    property(array(step), (steps) => {
      const members = Array.from({ length: 9 }, (_, name): Member => ({ name, position: -1 }));
      const set = new UnorderedSet<Member>();
      const expected = new Set<Member>();
      for (const { adds, name } of steps) {
        const member = members.at(name) as Member;
        if (adds) {
          set.add(member);
          expected.add(member);
        } else expect(set.delete(member)).toBe(expected.delete(member));
        expect(set.size).toBe(expected.size);
        expect(new Set(set.list())).toEqual(expected);
        for (const one of members) expect(set.has(one)).toBe(expected.has(one));
      }
    }),
  );
});

test('a list that was taken does not change with the set', () => {
  const set = new UnorderedSet<Member>();
  const members = [1, 2, 3].map((name): Member => ({ name, position: -1 }));
  members.forEach((member) => set.add(member));
  const seen: number[] = [];
  for (const member of set.list()) {
    set.delete(member);
    seen.push(member.name);
  }
  expect(seen).toEqual([1, 2, 3]);
  expect(set.size).toBe(0);
});

test('knows a member of another set as none of its own', () => {
  const [one, other] = [new UnorderedSet<Member>(), new UnorderedSet<Member>()];
  const member: Member = { name: 1, position: -1 };
  one.add(member);
  expect(other.has(member)).toBe(false);
  expect(other.delete(member)).toBe(false);
  expect(one.has(member)).toBe(true);
});
