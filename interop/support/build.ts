import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the built Go program; null where there is no Go. */
    goPeer: string | null;
    /** Path of the built asynqmon; null where there is no Go. */
    asynqmon: string | null;
    /** Path of the built command `asynq`; null where there is no Go. */
    asynqCli: string | null;
  }
}

const interop = fileURLToPath(new URL('..', import.meta.url));
const exec = promisify(execFile);
/** Git ignores it. */
const target = join(interop, '..', '.cache', 'interop');
// No other Go is fetched when this one is too old.
const env = { ...process.env, GOTOOLCHAIN: 'local' };
/** Where Go's own installer puts it, when it is not on the PATH. */
const COMMANDS = ['go', '/usr/local/go/bin/go'];
/** The command-line tool; its folder says at which version. */
const CLI = 'github.com/hibiken/asynq/tools/asynq';

const succeeds = (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => true,
    () => false,
  );

async function findGo(): Promise<string | null> {
  for (const command of COMMANDS) {
    if (await succeeds(exec(command, ['version'], { env }))) return command;
  }
  return null;
}

/** Builds the Go program of this folder's module; null = its modules cannot be had here. */
async function built(go: string, folder: string, what = '.'): Promise<string | null> {
  const cwd = join(interop, folder);
  if (!(await succeeds(exec(go, ['mod', 'download'], { cwd, env })))) return null;
  const program = join(target, folder);
  await exec(go, ['build', '-o', program, what], { cwd, env });
  return program;
}

const say = (text: string): void => void process.stderr.write(`interop: ${text}\n`);

/** Builds the Go side once for the whole run; Go's own cache makes a repeat take a second. */
export async function setup(project: TestProject): Promise<void> {
  mkdirSync(target, { recursive: true });
  const go = await findGo();
  const [peer, asynqmon, cli] =
    go === null
      ? [null, null, null]
      : await Promise.all([built(go, 'go'), built(go, 'asynqmon'), built(go, 'asynq-cli', CLI)]);
  // All or nothing: a run that leaves out some of the items would look like a whole one.
  const all = peer !== null && asynqmon !== null && cli !== null;
  if (!all) say('skipped, as Go (1.24 or newer) or its modules cannot be had here');
  project.provide('goPeer', all ? peer : null);
  project.provide('asynqmon', all ? asynqmon : null);
  project.provide('asynqCli', all ? cli : null);
}
