import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeVersion, removeVersion, type VersionedPlace } from '../../src/control/versions.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import type { Broker } from '../../src/broker/broker.ts';

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`calendars of an inspector on ${kind.name}`, () => {
    let store: TestStore;
    let broker: Broker;
    let inspector: Inspector;
    beforeAll(async () => {
      store = await kind.createStore();
      broker = await store.connect();
      inspector = new Inspector(broker);
    });
    afterAll(() => store.remove());

    test('can be put, read, listed beside those that are built in, and removed', async () => {
      const { calendars } = inspector;
      const put = await calendars.put('office', { off: ['2026-12-31', '2026-12-24'] });
      expect(put).toEqual({
        id: 'office',
        name: null,
        source: 'api',
        off: ['2026-12-24', '2026-12-31'],
        on: [],
        createdAtMs: expect.any(Number),
        version: 1,
        storedVersion: 1,
        isReadable: true,
        changedAtMs: [expect.any(Number)],
      });
      expect(await calendars.get('office')).toEqual(put);
      expect((await calendars.list()).map(({ id, source }) => `${id} ${source}`)).toEqual([
        'cn builtin',
        'office api',
      ]);
      await calendars.remove('office');
      await expect(calendars.get('office')).rejects.toMatchObject({ code: 'calendar-not-found' });
      await expect(calendars.remove('office')).rejects.toMatchObject({ code: 'calendar-not-found' });
    });

    test('are changed only in the version that is expected; 0 stands for none', async () => {
      const { calendars } = inspector;
      const { version } = await calendars.put('shop', { name: 'a' }, { expectedVersion: 0 });
      for (const expectedVersion of [0, version + 1])
        await expect(calendars.put('shop', { name: 'b' }, { expectedVersion })).rejects.toMatchObject({
          code: 'version-mismatch',
          details: { kind: 'calendar', id: 'shop', current: version },
        });
      const options = { expectedVersion: version };
      expect(await calendars.put('shop', { name: 'b' }, options)).toMatchObject({ version: version + 1 });
      // The answer to that call was lost, and it is sent again.
      expect(await calendars.put('shop', { name: 'b' }, options)).toMatchObject({ version: version + 1 });
      await expect(calendars.remove('shop', options)).rejects.toMatchObject({ code: 'version-mismatch' });
    });

    test('that another program has spoilt are shown as empty, and can be put anew', async () => {
      const { calendars } = inspector;
      for (const value of [null, 'x', { name: 5, off: 'x' }, { off: ['2026-13-01'], created_at_ms: 'x' }]) {
        await broker.documents.put('calendar', 'spoilt', value);
        expect(await calendars.get('spoilt')).toMatchObject({
          name: null,
          off: [],
          on: [],
          createdAtMs: null,
          isReadable: false,
        });
      }
      expect(await calendars.put('spoilt', {})).toMatchObject({ isReadable: true });
      expect(await calendars.put('spoilt', { on: ['2026-12-19'] })).toMatchObject({ on: ['2026-12-19'] });
    });
  });

describe('a change of what has a version', () => {
  interface Item {
    readonly version: number;
    readonly content: readonly string[];
  }

  /** A place whose writes are overtaken by this number of other writers, each of whom adds a letter. */
  function contended(others: number) {
    let item: Item | null = { version: 1, content: [] };
    let left = others;
    const mismatch = () => new TaskCenterError('version-mismatch', { kind: 'list', id: 'x' });
    const require = (before: Item | null) => {
      if (left > 0 && item !== null) {
        left -= 1;
        item = { version: item.version + 1, content: [...item.content, 'o'] };
      }
      if (before?.version !== item?.version) throw mismatch();
    };
    const place: VersionedPlace<Item, readonly string[]> = {
      kind: 'list',
      id: 'x',
      read: async () => item,
      contentOf: ({ content }) => content,
      async write(content, before) {
        require(before);
        return (item = { version: (item?.version ?? 0) + 1, content });
      },
      async remove(before) {
        require(before);
        item = null;
      },
    };
    return { place, current: () => item };
  }
  const add = (before: Item | null) => [...(before?.content ?? []), 'me'];
  const exists: (before: Item | null) => asserts before is Item = (before) => {
    if (before === null) throw new Error('gone');
  };

  test('is made anew on what others have made of it meanwhile', async () => {
    const { place, current } = contended(3);
    const { item } = await changeVersion(place, add, () => true);
    expect(item).toEqual({ version: 5, content: ['o', 'o', 'o', 'me'] });
    expect(current()).toEqual(item);
  });

  test('for one version ends at the first other one', async () => {
    const { place, current } = contended(3);
    await expect(changeVersion(place, add, (version) => version === 1)).rejects.toMatchObject({
      code: 'version-mismatch',
      details: { current: 2 },
    });
    expect(current()?.content).toEqual(['o']);
  });

  test('gives up when others are always faster', async () => {
    const { place } = contended(1_000);
    await expect(changeVersion(place, add, () => true)).rejects.toMatchObject({ code: 'version-mismatch' });
    await expect(removeVersion(place, exists, () => true)).rejects.toMatchObject({
      code: 'version-mismatch',
    });
  });

  test('that is a removal is repeated, too', async () => {
    const { place, current } = contended(2);
    await removeVersion(place, exists, () => true);
    expect(current()).toBeNull();
  });
});
