import * as fc from 'fast-check';
import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import { mergePatch, patchOf } from './merge-patch.ts';
import { itemsOf } from './issues.ts';
import { strict } from './strict.ts';

describe('a merge patch', () => {
  // RFC 7396, appendix A.
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('of %j by %j gives %j', (target, patch, expected) => {
    expect(mergePatch(target, patch)).toEqual(expected);
  });

  test('replaces what is an object of a class, such as the bytes of a payload, and keeps the others', () => {
    class Raw {
      readonly bytes = 'x';
    }
    const [old, fresh, kept] = [new Raw(), new Raw(), new Raw()];
    const target = { payload: old, result: kept, n: 9_007_199_254_740_991 };
    const merged = mergePatch(target, { payload: fresh, more: { payload: { a: null } } }) as typeof target;
    expect(merged.payload).toBe(fresh);
    expect(merged.result).toBe(kept);
    expect(merged).toEqual({ ...target, payload: fresh, more: { payload: {} } });
    expect((mergePatch(target, { payload: { b: 1 } }) as typeof target).payload).toEqual({ b: 1 });
  });

  test('changes neither of the two, makes the same when it is applied again, and leaves the rest as it was', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd', '__proto__');
    const fields = fc.dictionary(names, fc.jsonValue({ maxDepth: 4 }), { noNullPrototype: true });
    fc.assert(
      fc.property(fields, fields, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        const merged = mergePatch(target, patch) as Record<string, unknown>;
        expect(JSON.stringify([target, patch])).toBe(before);
        expect(mergePatch(merged, patch)).toEqual(merged);
        for (const name of Object.keys(target))
          if (!Object.hasOwn(patch, name)) expect(merged[name]).toBe(target[name]);
        for (const [name, value] of Object.entries(patch))
          if (value === null) expect(Object.hasOwn(merged, name)).toBe(false);
        expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
      }),
    );
  });
});

describe('the schema of a merge patch', () => {
  const inner = strict({ limit: z.int().min(1).default(10), policy: z.string() }).meta({ id: 'TestInner' });
  const whole = strict({ name: z.string(), inner: inner.optional(), list: z.array(inner).default([]) }, [
    'later',
  ]).meta({ id: 'TestWhole' });
  const patch = patchOf(whole);

  test('takes each field alone, also inside of objects, and null for each', () => {
    for (const valid of [{}, { name: null }, { inner: { limit: null } }, { inner: null, list: [] }])
      expect(patch.parse(valid)).toEqual(valid);
  });

  test('refuses what no patch could make valid, with its place', () => {
    const input = { name: 1, inner: { limit: 0, limt: 1 }, list: [{ limit: 1 }], later: 1 };
    const { error } = patch.safeParse(input);
    const items = itemsOf(error!, { schema: patch, input, location: 'pointer', basePath: [] });
    expect(items.map(({ pointer, code }) => `${pointer} ${code}`).sort()).toEqual([
      '/inner/limit out_of_range',
      '/inner/limt unknown_field',
      '/later not_built_yet',
      '/list/0/policy required',
      '/name wrong_type',
    ]);
  });

  test('has the name of the whole, and is the same for the same schema', () => {
    expect(patch.meta()?.id).toBe('TestWholePatch');
    expect(patchOf(whole)).toBe(patch);
  });
});
