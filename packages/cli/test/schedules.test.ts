import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Broker } from '@task-center/engine';
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
  writeFileSync(folder.file('key'), await app.createKey({ role: 'submitter' }));
  env = {
    TASKCENTER_URL: `http://127.0.0.1:${await app.listen()}`,
    TASKCENTER_KEY_FILE: folder.file('key'),
  };
});
afterAll(async () => {
  await app.close();
  await folder.remove();
});

/** Runs `schedules` in this process: only the service is reached over a connection. */
const run = (args: readonly string[], input = '') => runHere(['schedules', ...args], env, input);

const task = { type: 'cleanup', queue: 'low' };
const yearly = { cron: '0 3 1 1 *', task };
const put = (id: string, body: unknown, ...args: string[]) =>
  run(['put', id, '-f', '-', ...args], typeof body === 'string' ? body : JSON.stringify(body));
const apply = (list: unknown, ...args: string[]) =>
  run(['apply', '-f', '-', ...args], typeof list === 'string' ? list : JSON.stringify(list));

test('a schedule is put, shown, edited in the version that was shown, listed and deleted', async () => {
  const made = await put('nightly', { ...yearly, owner: 'ops' }, '--create');
  expect(made).toMatchObject({ code: 0, err: '' });
  expect(made.out).toMatch(/^nightly {2}version 1 {2}next fire 20\d\d-01-01T03:00:00\.000Z\n$/);
  const again = await put('nightly', yearly, '--create');
  expect([again.code, again.err]).toEqual([
    1,
    'task-center: There is a schedule "nightly" already, in version 1. Leave out --create to replace it, or choose another ID.\n',
  ]);
  expect((await put('nightly', yearly, '--create', '--if-version', '1')).code).toBe(2);
  expect((await run(['show', 'nightly'])).out).toMatch(/plan +0 3 1 1 \*\n[^]*task +cleanup in low\n/);
  const shown = JSON.parse((await run(['show', 'nightly', '--json'])).out) as object;
  expect((await put('nightly', { ...shown, overlap: 'skip' }, '--if-version', '1')).out).toContain(
    'version 2',
  );
  const stale = await put('nightly', { ...shown, overlap: 'queue' }, '--if-version', '1');
  expect([stale.code, stale.err]).toEqual([1, expect.stringContaining('version')]);
  expect((await run(['--owner', 'ops'])).out).toMatch(/^id +plan[^]*\nnightly +0 3 1 1 \* +UTC +low/);
  expect((await run(['list', '--failing'])).out).not.toContain('nightly');
  expect((await run(['delete', 'nightly', '--if-version', '2'])).out).toBe('nightly  deleted\n');
  expect((await run(['show', 'nightly'])).code).toBe(1);
});

test('a schedule is paused, resumed, run with another payload and previewed; the history is shown', async () => {
  await put(
    'report',
    '{"cron":"0 3 1 1 *","task":{"type":"report","queue":"low","payload":12345678901234567890}}',
  );
  expect((await run(['show', 'report', '--json'])).out).toContain('"payload":12345678901234567890');
  expect((await run(['show', 'report'])).out).toContain('\n  payload    12345678901234567890\n');
  expect((await run(['pause', 'report', '--reason', 'migration'])).out).toBe('report  paused\n');
  expect((await run(['list', '--paused'])).out).toContain('paused: migration');
  expect((await run(['resume', 'report'])).out).toMatch(/^report {2}resumed {2}next fire 20/);
  const ran = await run(['run', 'report', '--payload', '98765432109876543210', '--json']);
  expect(ran.out).toContain('"payload":98765432109876543210');
  const { id } = JSON.parse(ran.out) as { id: string };
  expect((await run(['fires', 'report'])).out).toContain(id);
  expect((await run(['fires'])).out).toMatch(/^schedule +fire at[^]*\nreport +20.*manual/);
  expect((await run(['preview', 'report', '-n', '2'])).out.split('\n')).toHaveLength(4);
  expect((await run(['preview', 'report', '-n', '101'])).code).toBe(1);
  await run(['delete', 'report']);
});

test('apply makes what the file has, shows a diff before, and prunes only what its owner has', async () => {
  await put('foreign', { ...yearly, owner: 'others' });
  const list = [
    {
      id: 'a',
      ...yearly,
      jitter: '90s',
      misfire: { policy: 'catch_up', limit: 3 },
      max_runs: 7,
      skip_next: 2,
    },
    { id: 'b', ...yearly, task: { ...task, payload: { n: 1 }, timeout: '60s' } },
  ];
  const dry = await apply(list, '--owner', 'ops', '--prune', '--dry-run');
  expect(dry).toMatchObject({
    code: 0,
    out: '+ a\n+ b\n2 to create, 0 to change, 0 to delete, 0 as they are\n',
  });
  expect((await run(['show', 'a'])).code).toBe(1);
  expect((await apply(list, '--owner', 'ops')).out).toContain('2 created, 0 changed');
  expect((await run(['show', 'a'])).out).toMatch(
    /jitter +1m30s\n[^]*misfire +catch_up of 3, grace 1m\n[^]*skips next +2\n[^]*runs +0 of 7\n/,
  );
  expect((await run(['list', '--queue', 'none'])).out).toBe('no schedules\n');
  // The same in other words.
  const same = [{ ...list[0], jitter: '1m30s', timezone: 'UTC' }, list[1]];
  expect((await apply({ schedules: same }, '--owner', 'ops', '--prune', '--dry-run')).out).toBe(
    '0 to create, 0 to change, 0 to delete, 2 as they are\n',
  );
  expect((await apply(same, '--owner', 'ops')).out).toBe('0 created, 0 changed, 0 deleted, 2 as they were\n');
  const changed = [
    { ...list[1], overlap: 'skip', task: { ...task, payload: { n: 2 }, timeout: '1m' } },
    { id: 'c', ...yearly },
  ];
  const diff = '+ c\n    x';
  const planned = await apply(changed, '--owner', 'ops', '--prune', '--dry-run');
  expect(planned.out).toBe(
    [
      '~ b',
      '    overlap: "allow" -> "skip"',
      '    task.payload: {"n":1} -> {"n":2}',
      diff.slice(0, 3),
      '- a',
      '1 to create, 1 to change, 1 to delete, 0 as they are',
      '',
    ].join('\n'),
  );
  const done = await apply(changed, '--owner', 'ops', '--prune');
  expect(done.out).toContain('1 created, 1 changed, 1 deleted, 0 as they were');
  const ids = (JSON.parse((await run(['list', '--json'])).out) as { data: { id: string }[] }).data.map(
    ({ id }) => id,
  );
  expect(ids.toSorted()).toEqual(['b', 'c', 'foreign']);
});

test('a dry run names what the service would refuse, and changes nothing', async () => {
  await put('there', { ...yearly, owner: 'dry' });
  const list = [
    { id: 'bad', ...yearly, calendar: 'none' },
    { id: 'there', ...yearly, task: { ...task, queue: 'high' } },
    { id: 'fine', ...yearly },
  ];
  const { code, out, err } = await apply(list, '--owner', 'dry', '--prune', '--dry-run');
  expect([code, err]).toEqual([
    1,
    'task-center: 2 of 3 schedules would be refused; the others would be applied, and nothing pruned. Nothing was changed.\n',
  ]);
  expect(out).toMatch(
    /^! bad {2}.*\/calendar .*\n! there {2}.*\/task\/queue .*\n\+ fine\n1 to create, 0 to change, 0 to delete, 0 as they are, 2 to be refused\n$/,
  );
  expect((await run(['show', 'fine'])).code).toBe(1);
  expect((await run(['show', 'there'])).out).toContain('version    1');
});

test('a secret that differs is a change that a dry run tells, and a repeat is none', async () => {
  const secret = (value: string) => {
    const callback = { url: 'https://a.example.com/', headers: { authorization: value } };
    return [{ id: 'secret', cron: '0 3 1 1 *', task: { queue: 'low', callback } }];
  };
  await apply(secret('Bearer a'));
  expect((await apply(secret('Bearer b'), '--dry-run')).out).toBe(
    '~ secret\n0 to create, 1 to change, 0 to delete, 0 as they are\n',
  );
  expect((await apply(secret('Bearer a'), '--dry-run')).out).toContain('1 as they are');
});

test('a key of one business applies and prunes its own schedules, without naming it', async () => {
  writeFileSync(folder.file('acme'), await app.createKey({ role: 'submitter', businesses: ['acme'] }));
  const key = ['--owner', 'ops-acme', '--key-file', folder.file('acme')];
  const list = [{ id: 'a', ...yearly }];
  expect((await apply(list, ...key)).out).toBe(
    '+ a (acme)\n1 created, 0 changed, 0 deleted, 0 as they were\n',
  );
  expect((await apply(list, ...key, '--prune')).out).toBe(
    '0 created, 0 changed, 0 deleted, 1 as they were\n',
  );
  expect((await apply([{ id: 'b', ...yearly }], ...key, '--prune')).out).toContain('- a (acme)');
});

test('fires are filtered, and looked for on all pages until there are enough', async () => {
  await put('asked', { ...yearly, owner: 'asker' });
  await run(['run', 'asked']);
  await run(['run', 'asked']);
  const rows = async (...args: string[]) => {
    const { out } = await run(['fires', ...args]);
    return out === 'no fires\n' ? 0 : out.split('\n').length - 2;
  };
  expect(await rows('asked')).toBe(2);
  expect(await rows('asked', '-n', '1')).toBe(1);
  expect(await rows('--owner', 'asker', '--outcome', 'manual,fired')).toBe(2);
  expect(await rows('--owner', 'asker', '--outcome', 'refused')).toBe(0);
  expect(await rows('asked', '--outcome', 'planned')).toBe(1);
  expect(await rows('asked', '--to', '2020-01-01T00:00:00Z')).toBe(0);
  expect((await run(['fires', 'nobody'])).code).toBe(1);
  expect((await run(['fires', '-n', '0'])).code).toBe(2);
  const json = (await run(['fires', 'asked', '-n', '1', '--json'])).out;
  expect((JSON.parse(json) as { data: unknown[] }).data).toHaveLength(1);
});

test('pages without lines are passed over while more follow', async () => {
  let calls = 0;
  const wrap = (broker: Broker): Broker => ({
    ...broker,
    schedules: {
      ...broker.schedules,
      fires: (asked) =>
        (calls += 1) < 3
          ? Promise.resolve({ fires: [], next: { fireMs: Date.now() * 2, line: 9 - calls } })
          : broker.schedules.fires(asked),
    },
    close: () => broker.close(),
  });
  const other = await testApp({ wrap });
  writeFileSync(folder.file('other'), await other.createKey({ role: 'submitter' }));
  const where = ['--url', `http://127.0.0.1:${await other.listen()}`, '--key-file', folder.file('other')];
  await run(['put', 'rare', '-f', '-', ...where], JSON.stringify(yearly));
  await run(['run', 'rare', ...where]);
  expect((await run(['fires', ...where])).out).toMatch(/\nrare +20.*manual/);
  expect(calls).toBe(3);
  await other.close();
});

test('apply goes no further when the service does not answer any more, and says what was done', async () => {
  const list = Array.from({ length: 20 }, (_, i) => ({ id: `cut-${i}`, ...yearly }));
  let puts = 0;
  // Passes on all but the second half of the first changes.
  const proxy = createServer((incoming, response) => {
    if (incoming.method === 'PUT' && (puts += 1) > 4) return void response.destroy();
    const { method, headers } = incoming;
    const target = new URL(incoming.url ?? '', env['TASKCENTER_URL']);
    const passed = request(target, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const { code, out, err } = await apply(list, '--url', url);
  expect([code, out]).toEqual([
    1,
    expect.stringMatching(/\n4 created, 0 changed, 0 deleted, 0 as they were\n$/),
  ]);
  expect(err).toMatch(/cannot be reached .* The rest was not tried: apply the file again\.\n$/);
  expect(puts).toBe(8);
  proxy.closeAllConnections();
  proxy.close();
  for (const { id } of list.slice(0, 8)) await run(['delete', id]);
});

test('apply stores what is valid, names what is refused, and then prunes nothing', async () => {
  await put('keep', { ...yearly, owner: 'team' });
  const list = [
    { id: 'bad', ...yearly, cron: '99 * * * *' },
    { id: 'good', ...yearly },
  ];
  const { code, out, err } = await apply(list, '--owner', 'team', '--prune');
  expect([code, err]).toEqual([
    1,
    expect.stringContaining('1 of 2 schedules were refused; the others were applied, and nothing pruned.'),
  ]);
  expect(out).toMatch(
    /^! bad {2}.*cron[^]*\+ good\n1 created, 0 changed, 0 deleted, 0 as they were, 1 refused\n$/,
  );
  expect((await run(['show', 'keep'])).code).toBe(0);
});

test.each([
  ['[{"id":"a"},{"id":"a"}]', [], 'has the schedule "a" twice'],
  ['[{"cron":"x"}]', [], 'entry 1, has no id'],
  ['7', [], 'has no list of schedules'],
  ['[]', ['--prune'], '--prune needs --owner'],
])('apply refuses %s %s', async (text, args, message) => {
  const { code, err } = await apply(text, ...args);
  expect([code, err]).toEqual([2, expect.stringContaining(message)]);
});
