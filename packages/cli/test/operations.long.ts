// What unlucky operators meet: wrong files, wrong users, wrong addresses. Each must be said in one clear line.
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { runCli, startCli } from './support/cli.ts';
import { afterTest, cleanUp } from './support/service.ts';

const KEY = 'tc_live_7k2m9q4x8d1w_JAanpjzMehrxcMTxd5w2acQ8bcDyyCiBSPploaLC5Bk1slMDg';
const isRoot = process.getuid?.() === 0;
/** A user without any rights of its own. */
const NOBODY = 65_534;

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(async () => {
  await cleanUp();
  await folder.remove();
});

/** Another program on some port. */
async function program(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const queues = (url: string, keyFile = folder.file('key')) =>
  runCli(['queues', '--url', url, '--key-file', keyFile], { cwd: folder.path });

describe('a command', () => {
  test.each([
    [200, 'application/json', '{}'],
    [200, 'text/html', '<h1>It works</h1>'],
    [500, 'application/json', '{}'],
    [404, 'text/plain', 'not found'],
    [204, 'application/json', ''],
  ])('that is answered %i %s %s says that this is not Task Center', async (status, type, body) => {
    writeFileSync(folder.file('key'), KEY);
    const url = await program(
      (_, response) => void response.writeHead(status, { 'content-type': type }).end(body),
    );
    const { code, out, err } = await queues(url);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      `task-center: Another program, not Task Center, answers at ${url} (status ${status}). Name the service with --url or TASKCENTER_URL.\n`,
    );
  });

  test('sends nothing of a file that is not a key', async () => {
    let requests = 0;
    const url = await program((_, response) => {
      requests += 1;
      response.end();
    });
    const texts = [
      'hunter2',
      'sk_live_4eC39HqLyjWDarjtT1zdp7dc',
      `${KEY}x`,
      KEY.replace('JA', 'JB'),
      '{"key":"x"}',
    ];
    for (const text of texts) {
      writeFileSync(folder.file('secret'), text);
      const { err } = await queues(url, folder.file('secret'));
      expect(err).toMatch(/\/secret does not hold an API key/);
      expect(err).not.toContain(text);
    }
    expect(requests).toBe(0);
  });

  test.skipIf(!isRoot)('says that its user may not read the key file', async () => {
    writeFileSync(folder.file('key'), KEY, { mode: 0o600 });
    chmodSync(folder.path, 0o755);
    const { err } = await runCli(['queues', '--key-file', folder.file('key')], {
      cwd: folder.path,
      wrapper: (command) => ['setpriv', `--reuid=${NOBODY}`, '--clear-groups', ...command],
    });
    expect(err).toMatch(/key cannot be read by this user/);
  });
});

describe('a service', () => {
  test('without the role api makes no key; one with it does, and says where it is', async () => {
    const options = { cwd: folder.path, env: { TASKCENTER_HTTP_PORT: '0' } };
    const worker = startCli(['serve', '--roles', 'worker,scheduler'], options);
    await worker.saw(/Ctrl-C drains/);
    expect(worker.written.err).not.toContain('API key');
    expect(existsSync(folder.file('data/admin.key'))).toBe(false);
    worker.signal('SIGTERM');
    await worker.ended;

    const api = startCli(['serve', '--roles', 'api'], options);
    await api.saw(/Ctrl-C drains/);
    expect(api.written.err).toMatch(/API key {4}\.\/data\/admin\.key \(new\)/);
    const url = /runs on (\S+)/.exec(api.written.err)?.[1] ?? '';
    expect((await queues(url, folder.file('data/admin.key'))).code).toBe(0);
    // The key of another installation has the right form.
    writeFileSync(folder.file('other'), KEY);
    const refused = await queues(url, folder.file('other'));
    expect(refused.err).toContain(`does not accept the API key in ${folder.file('other')}`);
    await api.saw(/"count":1,"reason":"unknown key: 1","key_id":"7k2m9q4x8d1w","msg":"sign-in failed"/);
    for (const name of [
      'data',
      'data/admin.key',
      'data/tasks.db',
      'data/tasks.db-wal',
      'data/tasks.db.owner',
    ])
      if (existsSync(folder.file(name)))
        expect([name, statSync(folder.file(name)).mode & 0o077]).toEqual([name, 0]);
    api.signal('SIGTERM');
    await api.ended;

    // The same broker from another folder, with and without a key of its own.
    const broker = `sqlite:${folder.file('data/tasks.db')}`;
    mkdirSync(folder.file('second'));
    writeFileSync(folder.file('second/admin.key'), KEY);
    const second = startCli(['serve', '--broker', broker, '--data-dir', 'second'], options);
    await second.saw(/Ctrl-C drains/);
    expect(second.written.err).toMatch(
      /API key {4}made before by another instance.*second\/admin\.key holds the key of another installation/,
    );
    second.signal('SIGTERM');
    await second.ended;
    expect(readFileSync(folder.file('second/admin.key'), 'utf8')).toBe(KEY);
    const third = startCli(['serve', '--broker', broker, '--data-dir', 'third'], options);
    await third.saw(/Ctrl-C drains/);
    expect(third.written.err).toMatch(/API key {4}made before by another instance, which has its file\./);
    expect(third.written.err.split('API key')[1]?.split('\n')[0]).not.toContain('third');
    expect(existsSync(folder.file('third/admin.key'))).toBe(false);
  });

  test.skipIf(!isRoot)('says that its folder belongs to another user', async () => {
    mkdirSync(folder.file('data'), { mode: 0o700 });
    chmodSync(folder.path, 0o755);
    const asNobody = (...args: string[]) =>
      runCli(['serve', ...args], {
        cwd: folder.path,
        wrapper: (command) => ['setpriv', `--reuid=${NOBODY}`, '--clear-groups', ...command],
      });
    expect((await asNobody()).err).toMatch(
      /data folder \.\/data cannot be used: this process \(user 65534\) may not use .*\/data: it belongs to user 0\./,
    );
    expect((await asNobody('--data-dir', folder.file('new'))).err).toMatch(
      /new cannot be used: this process \(user 65534\) may not use \/.*: it belongs to user 0\./,
    );
    chownSync(folder.file('data'), NOBODY, NOBODY);
    writeFileSync(folder.file('data/admin.key'), KEY, { mode: 0o600 });
    expect((await asNobody()).err).toMatch(
      /key file \.\/data\/admin\.key cannot be read: this process \(user 65534\) may not use .*admin\.key: it belongs to user 0/,
    );
  });
});
