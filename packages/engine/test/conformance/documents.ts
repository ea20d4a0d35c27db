import { describe, expect, test } from 'vitest';
import type { Harness } from './harness.ts';

export function documentsSuite(harness: Harness): void {
  describe('documents', () => {
    test('a stored document can be read, with its version', async () => {
      const { documents } = (await harness.openBench()).broker;
      const value = { name: 'größe 🚚', n: 1.5, list: [null, true, 'x'], nested: { '': '' } };
      expect(await documents.get('api-key', 'k1')).toBeNull();
      expect(await documents.put('api-key', 'k1', value)).toBe(1);
      expect(await documents.get('api-key', 'k1')).toEqual({ id: 'k1', version: 1, value });
    });

    test('each put makes a new version', async () => {
      const { documents } = (await harness.openBench()).broker;
      expect(await documents.put('policy', 'p', { a: 1 })).toBe(1);
      expect(await documents.put('policy', 'p', { a: 2 })).toBe(2);
      expect(await documents.put('policy', 'p', { a: 3 }, 2)).toBe(3);
      expect(await documents.get('policy', 'p')).toEqual({ id: 'p', version: 3, value: { a: 3 } });
    });

    test('a put that expects another version is refused and changes nothing', async () => {
      const { documents } = (await harness.openBench()).broker;
      await documents.put('policy', 'p', { a: 1 });
      await expect(documents.put('policy', 'p', { a: 2 }, 2)).rejects.toMatchObject({
        code: 'version-mismatch',
        details: { kind: 'policy', id: 'p' },
      });
      await expect(documents.put('policy', 'p', { a: 2 }, 0)).rejects.toMatchObject({
        code: 'version-mismatch',
      });
      await expect(documents.put('policy', 'new', { a: 2 }, 1)).rejects.toMatchObject({
        code: 'version-mismatch',
      });
      expect(await documents.list('policy')).toEqual([{ id: 'p', version: 1, value: { a: 1 } }]);
    });

    test('exactly one of many puts that expect no document succeeds', async () => {
      const { documents } = (await harness.openBench()).broker;
      const puts = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) => documents.put('claim', 'admin', { i }, 0)),
      );
      expect(puts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const winner = puts.findIndex(({ status }) => status === 'fulfilled');
      expect(await documents.get('claim', 'admin')).toMatchObject({ version: 1, value: { i: winner } });
    });

    test('documents are listed by ID, each kind separately', async () => {
      const { documents } = (await harness.openBench()).broker;
      for (const id of ['b', 'a', 'c10', 'c1']) await documents.put('one', id, { id });
      await documents.put('two', 'z', {});
      expect((await documents.list('one')).map(({ id }) => id)).toEqual(['a', 'b', 'c1', 'c10']);
      expect((await documents.list('two')).map(({ id }) => id)).toEqual(['z']);
      expect(await documents.list('three')).toEqual([]);
    });

    test('a removal that expects another version is refused and changes nothing', async () => {
      const { documents } = (await harness.openBench()).broker;
      await documents.put('policy', 'p', { a: 1 });
      await documents.put('policy', 'p', { a: 2 });
      for (const version of [0, 1, 3])
        await expect(documents.remove('policy', 'p', version)).rejects.toMatchObject({
          code: 'version-mismatch',
          details: { kind: 'policy', id: 'p' },
        });
      expect(await documents.get('policy', 'p')).toEqual({ id: 'p', version: 2, value: { a: 2 } });
      expect(await documents.remove('policy', 'p', 2)).toBe(true);
      expect(await documents.remove('policy', 'p', 2)).toBe(false);
    });

    test('no version comes back: one that was read before a removal fits no later document', async () => {
      const { documents } = (await harness.openBench()).broker;
      for (const a of [1, 2, 3]) await documents.put('policy', 'p', { a });
      await documents.remove('policy', 'p');
      await documents.put('policy', 'q', {});
      await documents.remove('policy', 'q');
      expect(await documents.put('policy', 'p', { a: 4 }, 0)).toBeGreaterThan(3);
      await expect(documents.put('policy', 'p', { a: 5 }, 3)).rejects.toMatchObject({
        code: 'version-mismatch',
      });
      expect(await documents.list('policy')).toMatchObject([{ id: 'p', value: { a: 4 } }]);
      expect(await documents.put('other', 'p', {}, 0)).toBe(1);
    });

    test('an ID is not blank', async () => {
      const { documents } = (await harness.openBench()).broker;
      for (const id of ['', ' ']) {
        const refused = [
          documents.get('policy', id),
          documents.put('policy', id, {}),
          documents.remove('policy', id),
        ];
        for (const call of refused) await expect(call).rejects.toMatchObject({ code: 'invalid-value' });
      }
    });

    test('a removed document is gone, and may be created again', async () => {
      const { documents } = (await harness.openBench()).broker;
      await documents.put('policy', 'p', {});
      expect(await documents.remove('policy', 'p')).toBe(true);
      expect(await documents.remove('policy', 'p')).toBe(false);
      expect(await documents.get('policy', 'p')).toBeNull();
      expect(await documents.put('policy', 'p', {}, 0)).toBe(2);
    });
  });
}
