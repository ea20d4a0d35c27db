import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sqliteKind, type TestStore } from '../../packages/engine/test/support/brokers.ts';
import { HERE, hasTools, node, python, run, startService, TOOLS, type Service } from './tools.ts';

/** Below the tools, where programs find the packages that they import. */
const WORK = join(TOOLS, 'work');
const DOCUMENT = join(WORK, 'openapi.json');
const TSC = join(HERE, '../../node_modules/typescript/bin/tsc');

const TSCONFIG = {
  compilerOptions: {
    strict: true,
    module: 'nodenext',
    target: 'es2023',
    types: ['node'],
    typeRoots: [join(HERE, '../../node_modules/@types')],
  },
  files: ['program.ts'],
};

/** The blocks of the guide in a language: what it tells readers to do is what is tried here. */
async function blocksOf(language: string): Promise<string[]> {
  const guide = await readFile(join(HERE, '../../docs/openapi.md'), 'utf8');
  return [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, block = '']) => block,
  );
}

describe.skipIf(!hasTools)('the OpenAPI document of a running service', () => {
  let service: Service;
  let store: TestStore;
  beforeAll(async () => {
    await rm(WORK, { recursive: true, force: true });
    await mkdir(WORK, { recursive: true });
    store = await sqliteKind.createStore();
    service = await startService(store.url);
    const text = await (await fetch(`${service.url}/openapi.json`)).text();
    await writeFile(DOCUMENT, text);
    await writeFile(join(WORK, 'package.json'), '{"type":"module"}');
    await writeFile(join(WORK, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  });
  afterAll(async () => {
    await service?.close();
    await store?.remove();
  });

  /** How many of the guide's tasks there are. */
  const countTasks = async () => {
    const headers = { authorization: `Bearer ${service.key}` };
    const answer = await fetch(`${service.url}/v1/tasks?queue=orders&state=pending`, { headers });
    const { data } = (await answer.json()) as { data: { type: string }[] };
    return data.filter(({ type }) => type === 'invoice.send').length;
  };

  test('is valid for Redocly, without a warning of its strictest rules', async () => {
    const { output, code } = await run(node('redocly'), [
      'lint',
      DOCUMENT,
      '--extends=recommended-strict',
      '--format=json',
    ]);
    const report = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)) as object;
    expect(report).toMatchObject({ totals: { errors: 0, warnings: 0, ignored: 0 } });
    expect(code).toBe(0);
  });

  test('is valid for openapi-spec-validator', async () => {
    const { code, output } = await run(python('openapi-spec-validator'), [DOCUMENT]);
    expect({ code, warned: /warn/i.test(output) }).toEqual({ code: 0, warned: false });
  });

  test('makes a client in TypeScript, which compiles and submits a task', async () => {
    const types = join(WORK, 'task-center.d.ts');
    const made = await run(node('openapi-typescript'), [DOCUMENT, '-o', types, '--root-types', '--enum']);
    expect(made).toMatchObject({ code: 0 });
    const names = [...(await readFile(types, 'utf8')).matchAll(/^export \w+ (\w+)/gm)].map(
      ([, name = '']) => name,
    );
    expect(names.filter((name) => /\d|^Paths/.test(name))).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(['SchemaTask', 'TaskKind']));
    await run(node('openapi-typescript'), [DOCUMENT, '-o', types]);
    const before = await countTasks();
    const [program = ''] = await blocksOf('ts');
    await writeFile(join(WORK, 'program.ts'), program.replace('http://127.0.0.1:7420', service.url));
    const compiled = await run(process.execPath, [TSC], { cwd: WORK });
    expect(compiled).toEqual({ code: 0, output: '' });
    const env = { TASKCENTER_KEY: service.key };
    expect(await run(process.execPath, ['program.js'], { cwd: WORK, env })).toEqual({ code: 0, output: '' });
    expect(await countTasks()).toBe(before + 1);
  });

  test('makes a client in Python, which compiles and submits a task', async () => {
    const [settings = ''] = await blocksOf('yaml');
    await writeFile(join(WORK, 'settings.yaml'), `post_hooks: []\n${settings}`);
    const target = join(WORK, 'task_center_client');
    const args = ['generate', '--path', DOCUMENT, '--meta', 'none', '--output-path', target];
    const made = await run(python('openapi-python-client'), [
      ...args,
      '--config',
      join(WORK, 'settings.yaml'),
    ]);
    expect(made).toEqual({ code: 0, output: `Generating ${target}\n` });
    const models = await readFile(join(target, 'models/__init__.py'), 'utf8');
    const names = [...models.matchAll(/^ {4}"(\w+)",$/gm)].map(([, name = '']) => name);
    expect(names).toContain('TaskInput');
    expect(names.filter((name) => /\d|Response|Body$/.test(name))).toEqual([
      'AttemptResponse',
      'CallbackBody',
    ]);
    expect(await run(python('python'), ['-m', 'compileall', '-q', target])).toEqual({ code: 0, output: '' });
    const before = await countTasks();
    const [program = ''] = await blocksOf('python');
    const source = `key = ${JSON.stringify(service.key)}\n${program.replace('http://127.0.0.1:7420', service.url)}`;
    await writeFile(join(WORK, 'program.py'), source);
    expect(await run(python('python'), ['program.py'], { cwd: WORK })).toEqual({ code: 0, output: '' });
    expect(await countTasks()).toBe(before + 1);
  });
});
