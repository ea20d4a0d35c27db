import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { endAll, runCli, startCli, type Ended } from './support/cli.ts';
import { runHere } from './support/in-process.ts';

let folder: TempFolder;
const servers: Server[] = [];
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(async () => {
  await endAll();
  for (const server of servers.splice(0)) server.close();
  await folder.remove();
});

const run = (args: string[], env: Record<string, string> = {}) => runCli(args, { env, cwd: folder.path });

async function takenPort(): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Expects one line on standard error that says what is wrong, where, and what to do, and nothing else. */
function expectOneLine({ code, err }: Ended, expected: { code: number; says: RegExp }): void {
  expect(err.trimEnd().split('\n')).toHaveLength(1);
  expect(err).toMatch(/^task-center: /);
  expect(err).toMatch(expected.says);
  expect(err).not.toMatch(/\n\s+at |node:internal|\.ts:\d+|\.js:\d+/);
  expect(code).toBe(expected.code);
}

describe('serve ends with 1 and one line when', () => {
  test('the port is in use', async () => {
    const port = await takenPort();
    const ended = await run(['serve', '--port', String(port)]);
    expectOneLine(ended, { code: 1, says: new RegExp(`${port} on 127\\.0\\.0\\.1 is in use.*http\\.port`) });
  });

  test('another process owns the database', async () => {
    const first = startCli(['serve', '--port', '0'], { cwd: folder.path });
    await first.saw(/Task Center runs on/);
    const second = await run(['serve', '--port', '0']);
    expectOneLine(second, { code: 1, says: /Another process uses the database .*tasks\.db.*HTTP.*Redis/ });
    const key = await run(['keys', 'create', '--local']);
    expectOneLine(key, { code: 1, says: /Another process uses the database .*Stop the service/ });
    first.signal('SIGTERM');
    expect((await first.ended).code).toBe(0);
  });

  test('the broker URL has an unknown scheme', async () => {
    const ended = await run(['serve', '--broker', 'mysql://root:hunter2@db/x']);
    expectOneLine(ended, { code: 1, says: /broker \(a flag\).*mysql.*redis:\/\// });
    expect(ended.err).not.toContain('hunter2');
  });

  test('Redis is down', async () => {
    const port = await freePort();
    const before = performance.now();
    const ended = await run(['serve', '--port', '0'], {
      TASKCENTER_BROKER: `redis://:hunter2@127.0.0.1:${port}`,
    });
    expectOneLine(ended, { code: 1, says: new RegExp(`127\\.0\\.0\\.1:${port}.*did not answer`) });
    expect(ended.err).not.toContain('hunter2');
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  test('the data folder lies below a file', async () => {
    writeFileSync(folder.file('plain'), '');
    const ended = await run(['serve', '--port', '0', '--data-dir', './plain/data']);
    expectOneLine(ended, { code: 1, says: /plain\/data.*file.*TASKCENTER_DATA_DIR/ });
  });

  test('the configuration has an unknown key', async () => {
    writeFileSync(folder.file('my.yaml'), 'http:\n  prot: 1\n');
    const ended = await run(['serve', '--config', 'my.yaml']);
    expectOneLine(ended, { code: 1, says: /http\.prot.*unknown key.*http\.port/ });
  });

  test('the named configuration file does not exist', async () => {
    expectOneLine(await run(['serve', '--config', 'none.yaml']), { code: 1, says: /none\.yaml.*ENOENT/ });
  });
});

test('every problem of a configuration is reported at once', async () => {
  const { code, err } = await run(['serve', '--port', 'x'], { TASKCENTER_ROLES: 'boss' });
  expect(code).toBe(1);
  expect(err).toMatch(
    /in 2 places:\n {2}.*http\.port.*\n {2}.*roles|in 2 places:\n {2}.*roles.*\n {2}.*http\.port/,
  );
});

describe('a command that talks to the service', () => {
  test('says where the key was looked for', async () => {
    expectOneLine(await run(['queues']), {
      code: 1,
      says: /data\/admin\.key does not exist.*TASKCENTER_KEY_FILE/,
    });
  });

  test('says which file does not hold a key', async () => {
    writeFileSync(folder.file('empty'), '');
    writeFileSync(folder.file('lines'), 'tc_x\ntc_y\n');
    for (const name of ['empty', 'lines'])
      expectOneLine(await run(['queues', '--key-file', name]), {
        code: 1,
        says: new RegExp(`/${name} does not hold an API key.*--key-file`),
      });
  });

  test('says that the service does not answer', async () => {
    writeFileSync(
      folder.file('key'),
      'tc_live_7k2m9q4x8d1w_JAanpjzMehrxcMTxd5w2acQ8bcDyyCiBSPploaLC5Bk1slMDg',
    );
    const ended = await run(['queues', '--key-file', 'key', '--url', `http://127.0.0.1:${await freePort()}`]);
    expectOneLine(ended, { code: 1, says: /cannot be reached \(ECONNREFUSED\).*npm start/ });
  });

  test('names each field that the service refuses', async () => {
    const service = startCli(['serve', '--port', '0'], { cwd: folder.path });
    await service.saw(/Task Center runs on \S+/);
    const url = /runs on (\S+)/.exec(service.written.err)?.[1] ?? '';
    const env = { TASKCENTER_URL: url };
    const late = await run(['enqueue', '--type', 'x', '--run-at', '9999-01-01T00:00:00Z'], env);
    expectOneLine(late, { code: 1, says: /\/run_at .*ten years.*found 9999/ });
    const elsewhere = await run(['enqueue', '--callback-url', 'ftp://x'], env);
    expectOneLine(elsewhere, { code: 1, says: /\/callback\/url .*https?:\/\// });
    expectOneLine(await run(['tasks', 'show', 'nobody'], env), { code: 1, says: /no such task/ });
    expectOneLine(await run(['enqueue', '--type', 'x', '--queue', 'a{b}'], env), {
      code: 1,
      says: /\/queue/,
    });
    writeFileSync(folder.file('other'), 'not a key');
    const key = await run(['queues', '--key-file', 'other'], env);
    expectOneLine(key, { code: 1, says: /key/i });
  });
});

describe('a command line that is not valid ends with 2', () => {
  test.each([
    [['frobnicate'], /unknown command/, run],
    [['serve', '--prot', '1'], /unknown option '--prot'.*--port/s, run],
    [['receive', '--port', '99999'], /whole number from 0 to 65535/, runHere],
    [['receive', '--delay', 'soon'], /duration/, runHere],
    [['enqueue', '--payload', '{"a":'], /payload is not JSON/, runHere],
    [['enqueue', '--type', 'x', '--max-retries', 'many'], /whole number/, runHere],
    [['enqueue', '--type', 'x', '--method', 'PUT'], /need --callback-url/, runHere],
    [
      ['enqueue', '--callback-url', 'http://x', '--header', 'A: 1', '--header', 'A: 2'],
      /names a header twice/,
      runHere,
    ],
    [['keys', 'create'], /--local/, runHere],
    [['tasks', 'list', '--state', 'lost'], /Allowed choices/, runHere],
    [['queues', '--url', 'nowhere'], /not the URL of a service/, runHere],
  ])('%j', async (args, says, runIt) => {
    const { code, err, out } = await runIt(args);
    expect(err).toMatch(says);
    expect(err).not.toMatch(/\n\s+at /);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});

test('a receiver says that its port is in use', async () => {
  const ended = await run(['receive', '--port', String(await takenPort())]);
  expectOneLine(ended, { code: 1, says: /in use.*--port/ });
});

describe('help', () => {
  test.each([
    ['serve'],
    ['enqueue'],
    ['queues'],
    ['queues list'],
    ['queues pause'],
    ['queues resume'],
    ['tasks'],
    ['tasks list'],
    ['tasks show'],
    ['tasks cancel'],
    ['tasks delete'],
    ['receive'],
    ['keys create'],
  ])('of %s has an example', async (command) => {
    const isAnywhere = command === 'serve' || command === 'queues list';
    const { code, out } = await (isAnywhere ? run : runHere)([...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/^Usage: task-center /);
    expect(out).toMatch(/Examples?.*:\n {2}task-center /);
  });
});
