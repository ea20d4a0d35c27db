import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connect } from '../../src/connect.ts';
import { fsck } from '../../src/control/fsck.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { brokerKinds, sqliteKind, type TestStore } from '../support/brokers.ts';
import { rawRedis } from '../support/raw-redis.ts';
import { tempFolder } from '../support/temp.ts';

let place: TestStore | undefined;
afterEach(() => place?.remove());

const hex = (key: Uint8Array) => Buffer.from(key).toString('hex');

/** Puts a text in the place of the key, as another program might. */
async function overwriteKey(url: string): Promise<void> {
  if (url.startsWith('sqlite:')) {
    const raw = new DatabaseSync(url.slice('sqlite:'.length));
    raw.exec("UPDATE meta SET value = 'short' WHERE name = 'cursor_key'");
    raw.close();
    return;
  }
  const raw = await rawRedis(Number(new URL(url).port));
  await raw.call('HSET', 'tc:meta', 'cursor_key', 'short');
  raw.close();
}

/** A broker whose key another one had made, and which was then damaged. */
async function damagedBroker(createStore: () => Promise<TestStore>): Promise<Broker> {
  place = await createStore();
  const first = await place.connect();
  await first.cursorKey();
  await first.close();
  await overwriteKey(place.url);
  return place.connect();
}

describe.each(brokerKinds)('the key of cursors on $name', ({ available, createStore }) => {
  test.skipIf(!available)('outlives the process that made it', async () => {
    place = await createStore();
    const first = await place.connect();
    const key = hex(await first.cursorKey());
    await first.close();
    expect(hex(await (await place.connect()).cursorKey())).toBe(key);
  });

  test.skipIf(!available)('is found wrong by fsck, and replaced', async () => {
    const broker = await damagedBroker(createStore);
    const report = (repair: boolean) => fsck(broker, { repair, pause: 0 });
    expect(await report(false)).toMatchObject({
      remaining: 1,
      findings: [{ queue: null, what: 'cursor_key', kind: 'type', found: 'it is no key of 32 bytes' }],
    });
    expect(await report(true)).toMatchObject({ remaining: 0, mended: 1 });
    expect(await report(false)).toMatchObject({ findings: [] });
    expect(await broker.cursorKey()).toHaveLength(32);
  });

  test.skipIf(!available)('is replaced when it is asked for and found wrong', async () => {
    const broker = await damagedBroker(createStore);
    const key = await broker.cursorKey();
    expect(key).toHaveLength(32);
    expect(hex(await broker.cursorKey())).toBe(hex(key));
  });
});

test('a copy of a SQLite file has the key of cursors', async () => {
  place = await sqliteKind.createStore();
  const folder = await tempFolder();
  const broker = await place.connect();
  const key = hex(await broker.cursorKey());
  await new Inspector(broker).backup(folder.file('copy.db'));
  const copy = await connect(`sqlite:${folder.file('copy.db')}`);
  expect(hex(await copy.cursorKey())).toBe(key);
  await copy.close();
  await folder.remove();
});
