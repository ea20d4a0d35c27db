import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { testApp, type TestApp } from '../../server/test/support/test-app.ts';
import { runHere } from './support/in-process.ts';

let folder: TempFolder;
let app: TestApp;
let env: Record<string, string>;
beforeAll(async () => {
  folder = await tempFolder();
  app = await testApp();
  writeFileSync(folder.file('key'), await app.createKey({ role: 'operator' }));
  env = {
    TASKCENTER_URL: `http://127.0.0.1:${await app.listen()}`,
    TASKCENTER_KEY_FILE: folder.file('key'),
  };
});
afterAll(async () => {
  await app.close();
  await folder.remove();
});

/** Runs `calendars` in this process: only the service is reached over a connection. */
const run = (args: readonly string[], input = '') => runHere(['calendars', ...args], env, input);

const textOf = (calendar: unknown) => (typeof calendar === 'string' ? calendar : JSON.stringify(calendar));
const put = (calendar: unknown, ...args: string[]) =>
  run(['put', 'office', '-f', '-', ...args], textOf(calendar));

test('calendars can be put, shown, edited in the version that was shown, listed and deleted', async () => {
  const calendar = { name: 'Our office', off: ['2026-12-31', '2026-12-24', '2027-01-01'] };
  writeFileSync(folder.file('office.json'), JSON.stringify(calendar));
  const fromFile = ['put', 'office', '-f', folder.file('office.json')];
  expect(await run([...fromFile, '--create'])).toMatchObject({
    code: 0,
    out: 'office  version 1\n',
    err: '',
  });
  expect((await run(['show', 'office'])).out).toMatch(
    /^office\n {2}name +Our office\n {2}source +api\n {2}created +20.*\n {2}version +1\n {2}off 2026 +12-24 12-31\n {2}off 2027 +01-01\n$/,
  );
  const shown = JSON.parse((await run(['show', 'office', '--json'])).out) as object;
  const edited = { ...shown, on: ['2026-12-19'] };
  expect((await put(edited, '--if-version', '1')).out).toBe('office  version 2\n');
  expect(await put(shown, '--if-version', '1')).toMatchObject({
    code: 1,
    err: 'task-center: The calendar "office" was not changed: it has version 2. Read it again and apply the change to the new version.\n',
  });
  expect(await put(shown, '--create')).toMatchObject({
    code: 1,
    err: 'task-center: There is a calendar "office" already, in version 2. Leave out --create to replace it, or choose another ID.\n',
  });
  expect((await run([])).out).toMatch(/^id .*name\ncn +builtin .*\noffice +api +3 +1 +2 +Our office\n$/);
  expect((await run(['delete', 'cn'])).err).toContain('belongs to the program');
  expect((await run(['delete', 'office', '--if-version', '1'])).code).toBe(1);
  expect((await run(['delete', 'office'])).out).toBe('office  deleted\n');
  expect(await run(['show', 'office'])).toMatchObject({
    code: 1,
    err: 'task-center: There is no such calendar.\n',
  });
});

test('a calendar that another program has spoilt says so', async () => {
  await app.broker.documents.put('calendar', 'spoilt', { off: 'never' });
  for (const { out } of [await run([]), await run(['show', 'spoilt'])])
    expect(out).toContain('cannot be read, and has no days until it is put anew\n');
  await run(['delete', 'spoilt']);
});

test('a calendar that cannot be used is refused with its place', async () => {
  expect((await put({ off: ['2026-12-24', '2026-02-30'], on: [] })).err).toMatch(
    /^task-center: .*\/off\/1 must be a date .*\(found 2026-02-30\)\.\n$/,
  );
  for (const [content, fault] of [
    ['[]', /has no calendar/],
    ['{', /^task-center: The standard input is not JSON: /],
    ['\ufeff{}', /byte order mark/],
  ] as const)
    expect(await put(content)).toMatchObject({ code: 2, err: expect.stringMatching(fault) });
  expect((await run(['put', 'office', '-f', folder.file('absent.json')])).err).toContain(
    'cannot be read (ENOENT)',
  );
  expect(await run(['put', 'office'])).toMatchObject({ code: 2, err: expect.stringContaining('--file') });
  expect((await put({}, '--if-version', 'v1')).code).toBe(2);
});
