import { readFileSync } from 'node:fs';
import type { Task } from '@task-center/api';
import { afterEach, expect, test } from 'vitest';
import { brokerKinds, type BrokerKind } from '../../engine/test/support/brokers.ts';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { endAll, runCli, startCli, type CliOptions } from './support/cli.ts';

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

/** The commands of the README's tour in their order: the lines of its `sh` blocks. */
function tourCommands(): string[] {
  const section = /^## A minute-long tour$(.*?)^## /ms.exec(README)?.[1] ?? '';
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.trim().split('\n'));
}

/** The words of a command, split as a shell does (the tour uses single quotes only). */
const wordsOf = (command: string) =>
  [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

/** Arguments of `npx task-center …`, with the receiver on a port of the test's own. */
function argumentsOf(command: string, receiverPort: number): string[] {
  const [npx, name, ...args] = wordsOf(command);
  expect([npx, name]).toEqual(['npx', 'task-center']);
  const moved = args.map((arg) => arg.replace('127.0.0.1:9000', `127.0.0.1:${receiverPort}`));
  return args[0] === 'receive' ? [...moved, '--port', String(receiverPort)] : moved;
}

const folders: TempFolder[] = [];
afterEach(async () => {
  await endAll();
  for (const folder of folders.splice(0)) await folder.remove();
});

/** Polls until the task is completed, and resolves to it. */
async function untilCompleted(id: string, options: CliOptions): Promise<Task> {
  for (;;) {
    const { out, err, code } = await runCli(['tasks', 'show', id, '--json'], options);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const task = JSON.parse(out) as Task;
    if (task.state === 'completed') return task;
    expect(['scheduled', 'pending', 'active', 'retry']).toContain(task.state);
  }
}

test('the tour starts the service and a receiver, submits a task and shows it', () => {
  expect(tourCommands().map((command) => wordsOf(command).slice(0, 4).join(' '))).toEqual([
    'npm start',
    'npx task-center receive --fail',
    'npx task-center enqueue --id',
    'npx task-center tasks show',
  ]);
});

async function takeTour(kind: BrokerKind): Promise<void> {
  const folder = await tempFolder();
  folders.push(folder);
  const [port, receiverPort] = [await freePort(), await freePort()];
  const place = kind.name === 'Redis' ? await kind.createStore() : undefined;
  const env = {
    TASKCENTER_HTTP_PORT: String(port),
    TASKCENTER_URL: `http://127.0.0.1:${port}`,
    TASKCENTER_DATA_DIR: folder.path,
    ...(place && { TASKCENTER_BROKER: place.url }),
  };
  const options = { env, cwd: folder.path };
  const [, receive = '', enqueue = '', show = ''] = tourCommands();

  const service = startCli(['serve'], options);
  await service.saw(/Task Center runs on/);
  const receiver = startCli(argumentsOf(receive, receiverPort), options);
  await receiver.saw(/Waiting for requests/);
  const { code, out } = await runCli(argumentsOf(enqueue, receiverPort), options);
  expect({ code, out }).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^hello {2}scheduled {2}due \S+\n$/),
  });
  const dueMs = Date.parse(out.trim().split(' ').at(-1) ?? '');

  const task = await untilCompleted('hello', options);
  const attempts = task.attempts ?? [];
  expect(attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'succeeded']);
  expect(attempts.map(({ response }) => response?.['status'])).toEqual([503, 503, 200]);
  // Never early, not even by a millisecond, and not later than a busy machine explains.
  const lateMs = Date.parse(attempts[0]?.started_at ?? '') - dueMs;
  expect(lateMs).toBeGreaterThanOrEqual(0);
  expect(lateMs).toBeLessThan(1_000);

  const shown = await runCli(argumentsOf(show, receiverPort), options);
  expect(shown.code).toBe(0);
  expect(shown.out).toMatch(/^hello {2}completed\n/);
  expect(shown.out).toContain('{"order":1234567890123456789}');
  expect(shown.out.match(/503 Service Unavailable/g)).toHaveLength(2);
  expect(receiver.written.out.match(/^ {2}\{"order":1234567890123456789\}$/gm)).toHaveLength(3);
  expect(receiver.written.out.match(/answers \d+/g)).toEqual(['answers 503', 'answers 503', 'answers 200']);

  for (const cli of [service, receiver]) cli.signal('SIGINT');
  expect((await service.ended).code).toBe(0);
  expect((await receiver.ended).code).toBe(0);
  await place?.remove();
}

for (const kind of brokerKinds) {
  test.skipIf(!kind.available)(`the tour of the README works on ${kind.name} as described`, () =>
    takeTour(kind),
  );
}
