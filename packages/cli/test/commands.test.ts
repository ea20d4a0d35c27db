import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Queue } from '@task-center/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { endAll, runCli, startCli, type Cli } from './support/cli.ts';

let folder: TempFolder;
let port: number;

async function setUp(): Promise<void> {
  folder = await tempFolder();
  port = await freePort();
}
async function tearDown(): Promise<void> {
  await endAll();
  await folder.remove();
}

const env = () => ({ TASKCENTER_HTTP_PORT: String(port), TASKCENTER_URL: `http://127.0.0.1:${port}` });
const run = (...args: string[]) => runCli(args, { env: env(), cwd: folder.path });
const start = (...args: string[]) => startCli(args, { env: env(), cwd: folder.path });

async function startService(): Promise<Cli> {
  const service = start('serve');
  await service.saw(/Task Center runs on/);
  return service;
}

async function startReceiver(...args: string[]): Promise<{ receiver: Cli; url: string }> {
  const receiver = start('receive', '--port', '0', ...args);
  await receiver.saw(/Waiting for requests on/);
  return { receiver, url: /on (http\S+\/)/.exec(receiver.written.out)?.[1] ?? '' };
}

describe('a service that runs', () => {
  let service: Cli;
  beforeAll(async () => {
    await setUp();
    service = await startService();
  });
  afterAll(tearDown);

  test('the first key is readable by this user only, and is not printed into a log', async () => {
    const path = folder.file('data/admin.key');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const key = readFileSync(path, 'utf8').trim();
    expect(key).toMatch(/^tc_/);
    expect(service.written.err + service.written.out).not.toContain(key);
    expect(service.written.err).toContain('admin.key');
  });

  test('the commands that a start prints reach this service', async () => {
    const line = /npx task-center (tasks show hello.*)/.exec(service.written.err)?.[1] ?? '';
    const shown = await runCli(line.split(' '), { cwd: folder.path });
    expect(shown.err).toContain('There is no such task');
  });

  describe('tasks', () => {
    test('that wait can be listed, shown, cancelled and deleted', async () => {
      const { out } = await run('enqueue', '--type', 'email:welcome', '--id', 'mail-1', '--delay', '1h');
      expect(out).toMatch(/^mail-1 {2}scheduled {2}due /);
      expect((await run('tasks')).out).toMatch(/^id .*\nmail-1 +scheduled +email:welcome +handler +0\/4/);
      expect((await run('tasks', '--state', 'pending')).out).toBe('no pending tasks in queue default\n');
      expect((await run('tasks', 'show', 'mail-1')).out).toMatch(
        /^mail-1 {2}scheduled\n {2}type +email:welcome/,
      );
      expect(await run('tasks', 'cancel', 'mail-1', '--reason', 'twice')).toMatchObject({
        code: 0,
        out: 'mail-1  cancelled\n',
      });
      expect(await run('tasks', 'cancel', 'mail-1')).toMatchObject({
        code: 1,
        err: expect.stringMatching(/already/),
      });
      expect(await run('tasks', 'delete', 'mail-1')).toMatchObject({ code: 0, out: 'mail-1  deleted\n' });
      expect((await run('tasks')).out).toBe('no tasks in queue default\n');
    });

    test('that run are cut off, and show who cancelled them', async () => {
      let onCut = () => {};
      let onRequest = () => {};
      const cut = new Promise<void>((resolve) => (onCut = resolve));
      const running = new Promise<void>((resolve) => (onRequest = resolve));
      const receiver = createServer(({ socket }) => {
        socket.on('close', onCut);
        onRequest();
      });
      onTestFinished(() => void receiver.close());
      await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
      await run('enqueue', '--id', 'long-1', '--callback-url', url);
      await running;
      const cancelled = await run('tasks', 'cancel', 'long-1', '--reason', 'twice');
      expect(cancelled).toMatchObject({ code: 0 });
      expect(cancelled.out).toMatch(/^long-1 {2}(active, cancel requested|cancelled)\n$/);
      await cut;
      await expect
        .poll(async () => (await run('tasks', 'show', 'long-1')).out)
        .toMatch(/^long-1 {2}cancelled\n/);
      const { out } = await run('tasks', 'show', 'long-1');
      expect(out).toMatch(/cancelled +twice, by \S+, 20/);
      expect(out).toMatch(/ cancelled +the task was cancelled/);
    });

    test('take their payload from a file, with every digit', async () => {
      writeFileSync(folder.file('payload.json'), '{ "id": 9007199254740993123 }\n');
      const { receiver, url } = await startReceiver();
      const ended = await run(
        'enqueue',
        '--callback-url',
        url,
        '--payload',
        '@payload.json',
        '--header',
        'X-Shop: a',
      );
      expect(ended).toMatchObject({ code: 0, err: '' });
      await receiver.saw(/^ {2}\{ "id": 9007199254740993123 \}$/m);
    });
  });

  test('queues can be listed, paused and resumed', async () => {
    await run('enqueue', '--type', 'x', '--queue', 'low');
    expect((await run('queues')).out).toMatch(/^queue +priority +pending.*\nlow|^queue[^]*\nlow +low +1 /);
    expect((await run('queues', 'pause', 'low', '--reason', 'repair')).out).toBe('low  paused\n');
    expect((await run('queues')).out).toMatch(/^low .*paused: repair$/m);
    expect((await run('queues', 'resume', 'low')).out).toBe('low  resumed\n');
    const { data } = JSON.parse((await run('queues', '--json')).out) as { data: Queue[] };
    expect((await run('queues')).out).toMatch(/^queue .* memory *\n/);
    expect((await run('queues')).out).toMatch(/^low +low( +\d+){8} +(-|\d+ KiB) *$/m);
    expect(data.find(({ name }) => name === 'low')).toMatchObject({ paused: false, counts: { pending: 1 } });
  });
});

describe('a service that stops', () => {
  beforeEach(setUp);
  afterEach(tearDown);

  test('a key that was created on the broker is valid for the service', async () => {
    const first = await startService();
    first.signal('SIGTERM');
    await first.ended;
    const created = await run('keys', 'create', '--local', '--role', 'viewer', '--name', 'board');
    expect(created).toMatchObject({ code: 0, out: expect.stringMatching(/^tc_\S+\n$/) });
    await startService();
    writeFileSync(folder.file('viewer.key'), created.out);
    expect((await run('queues', '--key-file', 'viewer.key')).code).toBe(0);
    const refused = await run('queues', 'pause', 'low', '--key-file', 'viewer.key');
    expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/^task-center: .+\n$/) });
  });

  describe('at a signal', () => {
    test('the service lets a running callback end and exits with 0', async () => {
      const service = await startService();
      const { receiver, url } = await startReceiver('--delay', '700ms');
      await run('enqueue', '--id', 'last', '--callback-url', url);
      await receiver.saw(/answers 200/);
      service.signal('SIGTERM');
      expect((await service.ended).code).toBe(0);
      await startService();
      expect((await run('tasks', 'show', 'last')).out).toMatch(/^last {2}completed/);
    });

    test('that arrives twice, as Ctrl-C under npm does, the service stops once and in order', async () => {
      const service = await startService();
      const { receiver, url } = await startReceiver('--delay', '700ms');
      await run('enqueue', '--callback-url', url);
      await receiver.saw(/answers 200/);
      service.signal('SIGINT');
      await service.saw(/Stopping/);
      service.signal('SIGINT');
      expect((await service.ended).code).toBe(0);
    });

    test('that comes a second time the service gives the task back, and ends with 130', async () => {
      const service = await startService();
      const { receiver, url } = await startReceiver('--delay', '30s');
      await run('enqueue', '--id', 'held', '--callback-url', url, '--timeout', '60s');
      await receiver.saw(/answers 200/);
      service.signal('SIGINT');
      await service.saw(/Stopping/);
      // A signal that comes sooner counts as a copy of the first one.
      await new Promise((resolve) => setTimeout(resolve, 600));
      service.signal('SIGINT');
      expect((await service.ended).code).toBe(130);
      await startService();
      const shown = JSON.parse((await run('tasks', 'show', 'held', '--json')).out) as object;
      expect(shown).toMatchObject({
        state: expect.stringMatching(/pending|active/),
        crashes: 0,
        deferrals: 1,
      });
    });
  });
});
