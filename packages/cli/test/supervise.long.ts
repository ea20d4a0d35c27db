import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { endAll, runCli, startCli, type Cli } from './support/cli.ts';

let folder: TempFolder;
let port: number;
const ends: (() => void)[] = [];
beforeEach(async () => {
  folder = await tempFolder();
  port = await freePort();
});
afterEach(async () => {
  await endAll();
  for (const end of ends.splice(0)) end();
  await folder.remove();
});

const env = () => ({ TASKCENTER_HTTP_PORT: String(port), TASKCENTER_URL: `http://127.0.0.1:${port}` });
const run = (...args: string[]) => runCli(args, { env: env(), cwd: folder.path });

/** The processes that reported a started service, in their order. */
const pidsOf = ({ written }: Cli) =>
  [...written.out.matchAll(/"pid":(\d+).*"the service is running"/g)].map(([, pid]) => Number(pid));

/** Resolves to the ID of the `count`th process that serves. */
async function serving(service: Cli, count = 1): Promise<number> {
  await service.saw(new RegExp(`(?:"the service is running"[^]*){${count}}`));
  await service.saw(new RegExp(`(?:Ctrl-C drains and stops it[^]*){${count}}`));
  return pidsOf(service)[count - 1] ?? 0;
}

async function startService(more: Readonly<Record<string, string>> = {}) {
  const service = startCli(['serve'], { env: { ...env(), ...more }, cwd: folder.path });
  return { service, pid: await serving(service) };
}

/** A receiver that leaves the first request unanswered. `saw` resolves when it has got `count` requests. */
async function receiver() {
  const waiting: (() => void)[] = [];
  let arrived = 0;
  const server = createServer((_request, response) => {
    arrived += 1;
    if (arrived > 1) response.end();
    waiting.splice(0).forEach((wake) => wake());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => (server.close(), server.closeAllConnections()));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async saw(count: number) {
      while (arrived < count) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}

describe('a service process that is killed', () => {
  test('is started again on the same port with the same data, and its work goes on', async () => {
    const { service, pid } = await startService();
    const { url, saw } = await receiver();
    await run('enqueue', '--id', 'held', '--callback-url', url, '--timeout', '60s');
    await saw(1);
    process.kill(pid, 'SIGKILL');
    expect(await serving(service, 2)).not.toBe(pid);
    expect(service.written.err).toContain(
      'task-center: the service ended unexpectedly (SIGKILL); it is started again now.\n',
    );
    await saw(2);
    await expect
      .poll(async () => (await run('tasks', 'show', 'held')).out, { timeout: 10_000 })
      .toMatch(/^held {2}completed/);
    service.signal('SIGTERM');
    expect((await service.ended).code).toBe(0);
  });

  test('several times is started after a longer wait each time, and a stop does not wait for that', async () => {
    const { service } = await startService();
    for (const [count, wait] of [
      [1, 'now'],
      [2, 'in 1 s'],
      [3, 'in 2 s'],
      [4, 'in 4 s'],
    ] as const) {
      process.kill(await serving(service, count), 'SIGSEGV');
      await service.saw(new RegExp(`\\(SIGSEGV\\); it is started again ${wait}\\.`));
    }
    const askedMs = performance.now();
    service.signal('SIGTERM');
    expect((await service.ended).code).toBe(0);
    expect(performance.now() - askedMs).toBeLessThan(3_000);
    expect(pidsOf(service)).toHaveLength(4);
  });

  test('is started again when it does not start the second time', async () => {
    const config = folder.file('my.yaml');
    writeFileSync(config, '');
    const { service, pid } = await startService({ TASKCENTER_CONFIG: config });
    writeFileSync(config, 'nonsense: 1\n');
    process.kill(pid, 'SIGKILL');
    await service.saw(/did not start \(exit code 1\); it is started again in 1 s/);
    writeFileSync(config, '');
    await serving(service, 2);
    expect(service.written.err).toContain('nonsense');
  });
});

test('an uncaught error ends the process, and it is started again', async () => {
  // Node itself loads it, and the product needs no hook: SIGUSR2 throws an error that nothing catches.
  const thrower = "data:text/javascript,process.on('SIGUSR2',()=>{throw new Error('thrown')})";
  const { service, pid } = await startService({ NODE_OPTIONS: `--import=${encodeURI(thrower)}` });
  process.kill(pid, 'SIGUSR2');
  expect(await serving(service, 2)).not.toBe(pid);
  expect(service.written.err).toMatch(
    /Error: thrown[^]*unexpectedly \(exit code 1\); it is started again now/,
  );
});

describe('a service whose event loop hangs', () => {
  /** SIGUSR2 blocks the event loop for ever. */
  const hanger = "data:text/javascript,process.on('SIGUSR2',()=>{for(;;);})";
  const hangs = { NODE_OPTIONS: `--import=${encodeURI(hanger)}` };

  test('ends itself while it holds tasks, and the next process delivers them', async () => {
    const { service, pid } = await startService({ ...hangs, TASKCENTER_WORKER_MAX_STALL: '2s' });
    const { url, saw } = await receiver();
    await run('enqueue', '--id', 'held', '--callback-url', url, '--timeout', '60s');
    await saw(1);
    process.kill(pid, 'SIGUSR2');
    await serving(service, 2);
    expect(service.written.err).toMatch(
      new RegExp(
        `process ${pid} kills itself: its event loop was blocked for \\d s; .*held[^]*\\(SIGKILL\\); it is started again now`,
      ),
    );
    await saw(2);
    await expect
      .poll(async () => (await run('tasks', 'show', 'held')).out, { timeout: 10_000 })
      .toMatch(/^held {2}completed/);
  });

  test('is ended by a second Ctrl-C', async () => {
    const { service, pid } = await startService(hangs);
    process.kill(pid, 'SIGUSR2');
    service.signalAll('SIGINT');
    // A signal that comes sooner counts as a copy of the first one.
    await new Promise((resolve) => setTimeout(resolve, 700));
    service.signalAll('SIGINT');
    expect((await service.ended).code).toBe(130);
  });
});

describe('the parent', () => {
  test('that is killed takes its service along, which stops in order', async () => {
    const { service } = await startService();
    service.signal('SIGKILL');
    // Resolves when the last process that holds the pipes has ended.
    const { err } = await service.ended;
    expect(err).toMatch(/process that supervises this one has ended\.\nStopped\.\n$/);
    expect(err).not.toContain('started again');
    await startService();
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('passes %s on', async (signal) => {
    const { service } = await startService();
    service.signal(signal);
    const { code, err } = await service.ended;
    expect(code).toBe(0);
    expect(err).toMatch(/Stopping: .*\nStopped\.\n$/);
  });

  test('and its service stop once when a terminal signals both, and a later signal ends both at once', async () => {
    const { service } = await startService();
    const { url, saw } = await receiver();
    await run('enqueue', '--callback-url', url, '--timeout', '60s');
    await saw(1);
    service.signalAll('SIGINT');
    await service.saw(/Stopping/);
    // A signal that comes sooner counts as a copy of the first one.
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(service.written.err).not.toContain('Stopped');
    service.signalAll('SIGINT');
    expect((await service.ended).code).toBe(130);
  });

  test('does not start a service again that ended in order', async () => {
    const { service, pid } = await startService();
    process.kill(pid, 'SIGTERM');
    const { code, err } = await service.ended;
    expect(code).toBe(0);
    expect(err).not.toContain('started again');
  });

  test('does not start a service again that never was ready', async () => {
    const ended = await run('serve', '--port', 'x');
    expect(ended.code).toBe(1);
    expect(ended.err).toMatch(/^task-center: The configuration is not valid: http\.port.*\n$/);
  });
});

test('a log that nobody reads neither stops the service nor keeps it from ending', async () => {
  const service = startCli(['serve'], {
    env: { ...env(), TASKCENTER_LOG_LEVEL: 'debug' },
    cwd: folder.path,
    leaveOutUnread: true,
  });
  await service.saw(/Ctrl-C drains and stops it/);
  // More lines than the pipe takes: about 300 bytes for each request.
  for (let n = 0; n < 100; n += 1) {
    const requests = Array.from({ length: 20 }, () => fetch(`http://127.0.0.1:${port}/v1/tasks`));
    for (const response of await Promise.all(requests)) expect(response.status).toBe(401);
  }
  service.signal('SIGTERM');
  expect((await service.ended).code).toBe(0);
});
