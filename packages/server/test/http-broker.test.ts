import { readlinkSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { connect, type Broker } from '@task-center/engine';
import { onTestFinished, describe, expect, test } from 'vitest';
import { tempFolder } from '../../engine/test/support/temp.ts';
import { until } from '../../engine/test/support/until.ts';
import { testApp } from './support/test-app.ts';

const PATH = '/v1/broker/backup';

async function sqliteApp(wrap?: (broker: Broker) => Broker) {
  const folder = await tempFolder();
  const broker = await connect(`sqlite:${folder.file('tasks.db')}`);
  const app = await testApp({ broker, ...(wrap && { wrap }) });
  onTestFinished(async () => {
    await app.close();
    await folder.remove();
  });
  return { app, folder };
}

/** The copies in a folder that this process has open. */
async function openCopies(folder: string): Promise<string[]> {
  const names = await readdir('/proc/self/fd');
  const targets = names.flatMap((name) => {
    try {
      return [readlinkSync(`/proc/self/fd/${name}`)];
    } catch {
      // It was closed meanwhile.
      return [];
    }
  });
  return targets.filter((target) => target.startsWith(folder) && target.includes('-backup-'));
}

describe('a backup over HTTP', () => {
  test('is a file that opens, and is audited', async () => {
    const { app, folder } = await sqliteApp();
    await app.call('POST', '/v1/tasks', { body: { type: 't', id: 'kept' } });
    const response = await app.open(PATH);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/vnd.sqlite3');
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-length')).toBe(String(bytes.length));
    await writeFile(folder.file('restored.db'), bytes);
    const restored = await connect(`sqlite:${folder.file('restored.db')}`);
    onTestFinished(() => restored.close());
    expect(await restored.inspect.task({ queue: 'default', id: 'kept' })).toMatchObject({ state: 'pending' });
    expect(app.logged).toContainEqual({
      fields: expect.objectContaining({ action: 'getBrokerBackup' }),
      message: 'audit',
    });
  });

  test('is for admins alone', async () => {
    const { app } = await sqliteApp();
    const key = await app.createKey({ role: 'operator', name: 'o' });
    expect(await app.call('GET', PATH, { key })).toMatchObject({ status: 403, json: { code: 'forbidden' } });
  });

  test.each([{ businesses: ['b'] }, { queues: ['orders*'] }])(
    'has too much for a key of %j',
    async (scope) => {
      const { app } = await sqliteApp();
      const key = await app.createKey({ role: 'admin', name: 'a', ...scope });
      expect(await app.call('GET', PATH, { key })).toMatchObject({
        status: 403,
        json: { code: 'forbidden' },
      });
    },
  );

  test('of a broker that cannot be copied says what to do instead', async () => {
    const { app } = await sqliteApp((broker) => ({ ...broker, backup: null }));
    const { status, json } = await app.call('GET', PATH);
    expect([status, json.code]).toEqual([501, 'not-supported']);
    expect(json.detail).toContain('BGSAVE');
  });

  test('that is not read to its end leaves nothing', async () => {
    const { app, folder } = await sqliteApp();
    await (await app.open(PATH)).body?.cancel();
    expect(await app.call('HEAD', PATH)).toMatchObject({ status: 200, text: '' });
    if (process.platform === 'linux') await until(async () => (await openCopies(folder.path)).length === 0);
    expect((await readdir(folder.path)).filter((name) => name.includes('-backup-'))).toEqual([]);
  });
});
