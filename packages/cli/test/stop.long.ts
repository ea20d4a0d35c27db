// Everything that terminals, supervisors and orchestrators send, to real processes. Short cases of each kind are in `stop.test.ts`.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { BIN, startCli } from './support/cli.ts';
import { afterTest, cleanUp, serveIn, testService, type TestService } from './support/service.ts';

// At the end, because several tests run at the same time.
afterAll(cleanUp);

const SHORT = { TASKCENTER_SHUTDOWN_TIMEOUT: '2s' };
const UNHURT = { state: 'pending', crashes: 0, deferrals: 1 };

async function serviceThatHolds(): Promise<TestService> {
  const service = await serveIn({ env: SHORT });
  await service.pid();
  await service.holdTask();
  return service;
}

type Target = 'parent' | 'all' | 'service';

async function send(service: TestService, target: Target, signal: NodeJS.Signals): Promise<void> {
  if (target === 'all') service.cli.signalAll(signal);
  else if (target === 'parent') service.cli.signal(signal);
  else process.kill(await service.pid(), signal);
}

describe('an orderly stop', () => {
  test.concurrent.each([
    ['SIGTERM', 'parent'],
    ['SIGINT', 'service'],
    ['SIGQUIT', 'parent'],
    ['SIGUSR2', 'all'],
    ['SIGALRM', 'all'],
    ['SIGXCPU', 'service'],
    ['SIGPWR', 'all'],
  ] as const)('follows %s to %s', async (signal, target) => {
    const service = await serviceThatHolds();
    await send(service, target, signal);
    const { code, err } = await service.cli.ended;
    expect(code).toBe(0);
    expect(err).toMatch(/Stopped\.\n$/);
    expect(await service.heldTask()).toMatchObject(UNHURT);
  });

  test.concurrent.each([
    [['SIGTERM', 'SIGCONT', 'SIGHUP']],
    [['SIGHUP', 'SIGCONT', 'SIGTERM']],
    [['SIGINT', 'SIGTERM', 'SIGQUIT']],
    [['SIGTSTP', 'SIGUSR1', 'SIGWINCH', 'SIGHUP', 'SIGTERM']],
  ] as const)('follows %j to all', async (signals) => {
    const service = await serviceThatHolds();
    for (const signal of signals) service.cli.signalAll(signal);
    expect((await service.cli.ended).code).toBe(0);
    expect(await service.heldTask()).toMatchObject(UNHURT);
  });

  test.concurrent('follows the death of the parent', async () => {
    const service = await serviceThatHolds();
    service.cli.signal('SIGKILL');
    await service.cli.ended;
    expect(await service.heldTask()).toMatchObject(UNHURT);
  });

  test.concurrent('follows a signal at any time of the start', { timeout: 300_000 }, async () => {
    const service = await serviceThatHolds();
    service.cli.signal('SIGTERM');
    await service.cli.ended;
    const delaysMs = Array.from({ length: 16 }, (_, i) => 150 + 50 * i);
    for (const ms of delaysMs) {
      const again = startCli(['serve'], {
        env: { ...SHORT, TASKCENTER_HTTP_PORT: '0' },
        cwd: service.folder.path,
      });
      await sleep(ms);
      again.signalAll('SIGTERM');
      await again.ended;
    }
    expect(await service.heldTask()).toMatchObject({ state: 'pending', crashes: 0 });
  });
});

test('a service that hangs in its exit is ended by its parent, which exits as the service wanted to', async () => {
  // Only the service has a channel, and its own handler comes first.
  const hanger =
    "data:text/javascript,if(process.send)setTimeout(()=>process.on('exit',()=>{for(;;);}),300).unref()";
  const service = await serveIn({ env: { ...SHORT, NODE_OPTIONS: `--import=${encodeURI(hanger)}` } });
  const pid = await service.pid();
  await service.holdTask();
  service.cli.signal('SIGTERM');
  expect((await service.cli.ended).code).toBe(0);
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(await service.heldTask()).toMatchObject(UNHURT);
});

test.concurrent('USR1 opens no debugger, and TSTP suspends nothing', async () => {
  const service = await serviceThatHolds();
  for (const signal of ['SIGUSR1', 'SIGTSTP'] as const) service.cli.signalAll(signal);
  await service.cli.saw(/A service is not suspended/);
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  expect(service.cli.written.err).not.toContain('Debugger');
});

describe('a terminal', () => {
  /** Starts the command of a shell in a terminal of its own, by `script` of util-linux. */
  const inTerminal = async (command: string) =>
    testService(
      (env, folder) =>
        startCli([], {
          env: { ...env, ...SHORT, TASKCENTER_LOG_LEVEL: 'debug', SHELL: '/bin/sh' },
          cwd: folder.path,
          wrapper: () => ['script', '-qefc', command, '/dev/null'],
        }),
      await freePort(),
    );
  const SERVE = `${process.execPath} ${BIN} serve`;
  const textOf = ({ folder }: TestService, name: string) => {
    try {
      return readFileSync(folder.file(name), 'utf8');
    } catch {
      return '';
    }
  };
  const polls = { timeout: 20_000 };

  test('that Ctrl-S has stopped holds nothing up, and Ctrl-Q brings the text', async () => {
    const service = await inTerminal(SERVE);
    const pid = await service.pid();
    service.cli.type('\u0013');
    await sleep(200);
    // More than a terminal takes.
    for (let n = 0; n < 200; n += 1) expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    service.cli.type('\u0011');
    const lines = () => service.cli.written.out.split('"route":"/healthz"').length - 1;
    await expect.poll(lines, polls).toBe(200);
    service.cli.type('\u0013');
    for (let n = 0; n < 200; n += 1) expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    process.kill(pid, 'SIGTERM');
    expect((await service.cli.ended).code).toBe(0);
  });

  test('that goes away lets the service end in order', async () => {
    const service = await inTerminal(`${SERVE} > out 2> err`);
    await expect.poll(() => textOf(service, 'err'), polls).toContain('Ctrl-C drains');
    await service.holdTask();
    service.cli.signal('SIGKILL');
    await expect.poll(() => textOf(service, 'err'), polls).toContain('Stopped.');
    expect(textOf(service, 'err')).toContain('The terminal has gone away.');
    expect(await service.heldTask()).toMatchObject(UNHURT);
  });

  test('that goes away leaves a service alone that nohup has started', async () => {
    const service = await inTerminal(`nohup ${SERVE} > out 2>&1 & sleep 60`);
    await expect.poll(() => textOf(service, 'out'), polls).toContain('Ctrl-C drains');
    const pid = Number(/"pid":(\d+)/.exec(textOf(service, 'out'))?.[1]);
    service.cli.signal('SIGKILL');
    try {
      await expect.poll(() => textOf(service, 'out'), polls).toContain('the configuration was read again');
      expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    } finally {
      process.kill(pid, 'SIGTERM');
    }
    await expect.poll(() => textOf(service, 'out'), polls).toContain('Stopped.');
  });
});

/** A disk of its own, which `fill` fills and `free` empties. Linux, as root. */
function smallDisk(mib: number) {
  const folder = join(process.cwd(), '.cache', `small-disk-${process.pid}-${mib}`);
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', folder]);
  afterTest(() => {
    execFileSync('umount', ['--lazy', folder]);
    rmSync(folder, { recursive: true });
  });
  const filler = join(folder, 'filler');
  return {
    folder,
    fill() {
      const file = openSync(filler, 'a');
      try {
        for (;;) writeSync(file, Buffer.alloc(4_096));
      } catch {
        closeSync(file);
      }
    },
    free: () => rmSync(filler),
  };
}

test('a full disk is one line in the log when it begins and one when it has ended', async () => {
  const disk = smallDisk(24);
  const service = await serveIn({ env: { TASKCENTER_BROKER: `sqlite:${disk.folder}/tasks.db` } });
  await service.pid();
  const submit = async () =>
    (await service.call('POST', '/v1/tasks', { type: 't', payload: 'x'.repeat(20_000) })).status;
  expect(await submit()).toBe(201);
  disk.fill();
  await expect.poll(submit, { timeout: 20_000 }).toBe(503);
  for (let n = 0; n < 100; n += 1) expect(await submit()).toBe(503);
  disk.free();
  await service.cli.saw(/the broker has room again/);
  expect(await submit()).toBe(201);
  const told = service.cli.written.out.split('\n').filter((line) => /"level":"(?:warn|error)"/.test(line));
  expect(told).toHaveLength(2);
  expect(told[0]).toContain('is full: new tasks are refused');
  service.cli.signal('SIGTERM');
  expect((await service.cli.ended).code).toBe(0);
});

describe('a log', () => {
  test('on a disk that fills says how many lines were dropped, once there is room again', async () => {
    const disk = smallDisk(3);
    const path = join(disk.folder, 'log');
    const log = openSync(path, 'a');
    const service = await serveIn({ env: { TASKCENTER_LOG_LEVEL: 'debug' }, streams: { out: log } });
    closeSync(log);
    await service.cli.saw(/Ctrl-C drains/);
    disk.fill();
    // About 250 bytes a line; 1 MiB is kept.
    for (let n = 0; n < 600; n += 1)
      await Promise.all(Array.from({ length: 10 }, () => fetch(`${service.url}/healthz`)));
    disk.free();
    await expect
      .poll(
        async () => {
          await fetch(`${service.url}/healthz`);
          return readFileSync(path, 'utf8');
        },
        { timeout: 10_000, interval: 500 },
      )
      .toMatch(/"count":\d+,"msg":"log lines were dropped/);
    for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) JSON.parse(line);
    expect(statSync(path).size).toBeGreaterThan(900_000);
    service.cli.signal('SIGTERM');
    expect((await service.cli.ended).code).toBe(0);
  });
});
