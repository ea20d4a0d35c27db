import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the built Go program; null where there is no Go. */
    goPeer: string | null;
  }
}

const interop = fileURLToPath(new URL('..', import.meta.url));
const source = join(interop, 'go');
const exec = promisify(execFile);
// No other Go is fetched when this one is too old.
const env = { ...process.env, GOTOOLCHAIN: 'local' };
const run = (command: string, args: readonly string[]) => exec(command, args, { cwd: source, env });
/** Git ignores it. */
const target = join(interop, '..', '.cache', 'interop', 'peer');
/** Where Go's own installer puts it, when it is not on the PATH. */
const COMMANDS = ['go', '/usr/local/go/bin/go'];

async function findGo(): Promise<string | null> {
  for (const command of COMMANDS) {
    const found = await run(command, ['version']).catch(() => null);
    if (found) return command;
  }
  return null;
}

/** Fetches the modules through Go's proxy; false = they cannot be had here. */
function fetched(go: string): Promise<boolean> {
  return run(go, ['mod', 'download']).then(
    () => true,
    () => false,
  );
}

/** Builds the Go side once for the whole run; Go's own cache makes a repeat take a second. */
export async function setup(project: TestProject): Promise<void> {
  const go = await findGo();
  if (go === null || !(await fetched(go))) {
    process.stderr.write('interop: skipped, as Go (1.24 or newer) or its modules cannot be had here\n');
    project.provide('goPeer', null);
    return;
  }
  await run(go, ['build', '-o', target, '.']);
  project.provide('goPeer', target);
}
