import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TempFolder } from '../../../engine/test/support/temp.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** The program of a page, and the lines that it says are printed. `part`: only the blocks that contain this text. */
export async function readGuide(
  page = 'docs/library.md',
  part = '',
): Promise<{ readonly source: string; readonly printed: readonly string[] }> {
  const text = await readFile(`${ROOT}${page}`, 'utf8');
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block ?? '');
  const source = blocks.filter((block) => block.includes(part)).join('');
  return { source, printed: [...source.matchAll(/\/\/ prints: (.*)$/gm)].map(([, line]) => line ?? '') };
}

/** As strict as a project can be. */
const COMPILER_OPTIONS = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noUnusedLocals: true,
  skipLibCheck: false,
  module: 'nodenext',
  target: 'es2022',
};

/** Makes a package of the folder `packages/<name>` as npm does, and puts it where an installation would. */
async function installPacked(name: string, folder: TempFolder): Promise<void> {
  const packed = ['pack', '--silent', '--pack-destination', folder.path, `${ROOT}packages/${name}`];
  const { stdout } = await run('npm', packed);
  const target = folder.file(`node_modules/@task-center/${name}`);
  await mkdir(target, { recursive: true });
  await run('tar', ['-xzf', folder.file(stdout.trim()), '-C', target, '--strip-components=1']);
}

/** What the packages and the guide need of other packages. */
const OTHERS = [
  '@opentelemetry/api',
  '@photostructure/sqlite',
  'node-gyp-build',
  '@standard-schema/spec',
  '@types/node',
  'undici-types',
  'zod',
];

/** Makes a project of a user, outside of this repository, with one program. */
async function createProject(folder: TempFolder, source: string, isPacked: boolean): Promise<void> {
  for (const scope of ['@task-center', '@opentelemetry', '@photostructure', '@standard-schema', '@types'])
    await mkdir(folder.file(`node_modules/${scope}`), { recursive: true });
  for (const name of OTHERS)
    await symlink(`${ROOT}node_modules/${name}`, folder.file(`node_modules/${name}`));
  for (const name of ['model', 'engine']) {
    if (isPacked) await installPacked(name, folder);
    else await symlink(`${ROOT}packages/${name}`, folder.file(`node_modules/@task-center/${name}`));
  }
  await writeFile(folder.file('package.json'), '{ "type": "module" }');
  await writeFile(folder.file('tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
  await writeFile(folder.file('app.ts'), source);
}

/** Compiles the program. Rejects with what the compiler says. */
async function compile(folder: TempFolder): Promise<void> {
  await run(process.execPath, [`${ROOT}node_modules/typescript/bin/tsc`, '-p', folder.path]).catch(
    ({ stdout }: { readonly stdout: string }) => Promise.reject(new Error(stdout)),
  );
}

/**
 * Compiles the program of the guide in a folder; resolves to the lines that the guide says are printed.
 *
 * @param isPacked whether the packages are packed and installed, as a user does; else they are linked
 * @param more programs of other pages, by name
 */
export async function compileGuide(
  folder: TempFolder,
  isPacked: boolean,
  more: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { source, printed } = await readGuide();
  await createProject(folder, source, isPacked);
  for (const [name, program] of Object.entries(more)) await writeFile(folder.file(`${name}.ts`), program);
  await compile(folder);
  return printed;
}

/** Runs a program, the guide's by default; resolves to the lines that it prints. Rejects if it fails or does not end by itself. */
export async function runProgram(folder: TempFolder, brokerUrl: string, name = 'app'): Promise<string[]> {
  const program = [folder.file(`${name}.js`), brokerUrl];
  const { stdout } = await run(process.execPath, program, { timeout: 50_000 });
  return stdout.trimEnd().split('\n');
}
