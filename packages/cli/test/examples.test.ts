import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../../examples/', import.meta.url));

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(name: string, ...args: string[]) {
  const child = spawn(process.execPath, [FOLDER + name, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { lines: createInterface({ input: child.stdout }), ended };
}

test('every example has a test here', () => {
  expect(readdirSync(FOLDER).sort()).toEqual([
    'digest-groups.mjs',
    'handle-tasks.mjs',
    'receive-callbacks.mjs',
  ]);
});

test('handle-tasks runs three tasks, retries one of them, and ends', async () => {
  const { lines, ended } = start('handle-tasks.mjs');
  const seen: string[] = [];
  lines.on('line', (line) => seen.push(line));
  expect(await ended).toBe(0);
  expect(seen.sort()).toEqual([
    'attempt 1: welcome, Ada',
    'attempt 1: welcome, Edsger',
    'attempt 1: welcome, Grace',
    'attempt 2: welcome, Grace',
  ]);
});

test('digest-groups aggregates the tasks of each group into one', async () => {
  const { lines, ended } = start('digest-groups.mjs');
  const seen: string[] = [];
  lines.on('line', (line) => seen.push(line));
  expect(await ended).toBe(0);
  expect(seen.sort()).toEqual(['to ada: a reply, a follower', 'to grace: a like']);
});

test('receive-callbacks does the work of a repeated delivery once', async () => {
  const { lines } = start('receive-callbacks.mjs', '0');
  const seen: string[] = [];
  const url = await new Promise<string>((resolve) => {
    lines.on('line', (line) => (seen.push(line), resolve(/http\S+/.exec(line)?.[0] ?? '')));
  });
  const deliver = async (id: string, body: string) => {
    const headers = { 'webhook-id': id, 'task-center-task-id': 'paid-1' };
    const response = await fetch(url, { method: 'POST', headers, body });
    return { status: response.status, body: (await response.json()) as unknown };
  };
  const first = await deliver('dlv_1', '{"order":1}');
  expect(first).toEqual({ status: 200, body: { accepted: 1 } });
  expect(await deliver('dlv_1', '{"order":1}')).toEqual(first);
  expect((await deliver('dlv_2', 'no JSON')).status).toBe(422);
  expect(seen.slice(1)).toEqual(['order 1 of task paid-1']);
});
