import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { BIN, endAll, runCli, type Ended } from './support/cli.ts';

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(async () => {
  await endAll();
  await folder.remove();
});

/**
 * Runs a shell command line with the given bytes as a file, as standard input and in `$BYTES`. Only a shell can pass bytes
 * that are not UTF-8 to a program. `task-center` stands for the program.
 */
function runWith(bytes: Buffer, commandLine: string): Promise<Ended> {
  writeFileSync(folder.file('bytes'), bytes);
  const script = `BYTES="$(cat bytes)"; ${commandLine.replaceAll('task-center', '"$NODE" "$BIN"')}`;
  const child = spawn('sh', ['-c', script], {
    cwd: folder.path,
    env: { PATH: process.env['PATH'], NODE: process.execPath, BIN },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

const SOURCES = [
  ['a file', 'task-center enqueue --type t --payload @bytes'],
  ['standard input', 'task-center enqueue --type t --payload @- < bytes'],
  ['an argument', 'task-center enqueue --type t --payload "$BYTES"'],
] as const;

/** A payload in Latin-1: valid JSON but for its bytes. */
const LATIN_1 = Buffer.from('{"name":"J\u00fcrgen"}', 'latin1');

test.each(SOURCES)(
  'a payload from %s that is not UTF-8 is refused before anything is sent',
  async (...row) => {
    const { code, out, err } = await runWith(LATIN_1, row[1]);
    expect(err).toMatch(/^task-center: .* is not UTF-8 \(byte 10\)\..*\n$/);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  },
);

test('a payload that begins with a byte order mark is refused', async () => {
  const { code, err } = await runWith(Buffer.from('\ufeff{"a":1}'), SOURCES[1][1]);
  expect(err).toMatch(/byte order mark/);
  expect(code).toBe(2);
});

test('an argument may have U+FFFD itself', async () => {
  const { err } = await runWith(Buffer.from('{"a":"\ufffd"}'), SOURCES[2][1]);
  expect(err).toMatch(/There is no API key/);
});

test.each([
  ['any argument', 'task-center enqueue --payload-text "$BYTES" --type t', /argument 3 .*not UTF-8/],
  ['a variable', 'TASKCENTER_DATA_DIR="$BYTES" task-center queues', /TASKCENTER_DATA_DIR .*not UTF-8/],
  ['the service', 'task-center serve --port 0 --data-dir "$BYTES"', /argument 5 .*not UTF-8/],
])('%s that is not UTF-8 is refused', async (...[, commandLine, says]) => {
  const { code, err } = await runWith(Buffer.from('J\u00fcrgen', 'latin1'), commandLine);
  expect(err).toMatch(says);
  expect(code).toBe(2);
});

test('a configuration file that is not UTF-8 is refused', async () => {
  writeFileSync(folder.file('my.yaml'), Buffer.from('data_dir: J\u00fcrgen\n', 'latin1'));
  const { code, err } = await runCli(['serve', '--config', 'my.yaml'], { cwd: folder.path });
  expect(err).toMatch(/my\.yaml is not UTF-8 \(byte 11\)/);
  expect(code).toBe(1);
});
