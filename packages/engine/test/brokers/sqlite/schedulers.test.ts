import { expect, test } from 'vitest';
import { connectSqlite } from '../../../src/brokers/sqlite/sqlite-broker.ts';
import { folder } from './open.ts';

test('entries and events of schedulers are removed when the file is opened again', async () => {
  const path = (await folder()).file('tasks.db');
  const first = await connectSqlite({ path });
  const entry = {
    id: 'e',
    spec: '@daily',
    type: 't',
    payload: null,
    options: [],
    nextMs: null,
    prevMs: null,
  };
  await first.schedulerEntries.writeEntries('h:1:x', { entries: [entry], ttlMs: 60_000 });
  await first.schedulerEntries.recordEvent('e', { taskId: 't', atMs: Date.now() });
  await first.close();
  const second = await connectSqlite({ path });
  expect(await second.schedulerEntries.entries()).toEqual([]);
  expect(await second.schedulerEntries.events('e', { page: 1, pageSize: 9 })).toEqual([]);
  await second.close();
});
