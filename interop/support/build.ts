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
// Go must not download a newer version of itself.
const env = { ...process.env, GOTOOLCHAIN: 'local' };
/** Go on the PATH, or where its installer puts it. */
const COMMANDS = ['go', '/usr/local/go/bin/go'];
/** Asynq's command-line tool; the module `asynq-cli` names the version. */
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

/** Builds a program of a Go module; null = its dependencies are not available here. */
async function buildProgram(go: string, folder: string, what = '.'): Promise<string | null> {
  const cwd = join(interop, folder);
  if (!(await succeeds(exec(go, ['mod', 'download'], { cwd, env })))) return null;
  const program = join(target, folder);
  await exec(go, ['build', '-o', program, what], { cwd, env });
  return program;
}

const warn = (text: string): void => void process.stderr.write(`interop: ${text}\n`);

/** Builds the Go programs once for the whole run. With Go's cache a repeated build takes a second. */
export async function setup(project: TestProject): Promise<void> {
  mkdirSync(target, { recursive: true });
  const go = await findGo();
  const [peer, asynqmon, cli] =
    go === null
      ? [null, null, null]
      : await Promise.all([
          buildProgram(go, 'go'),
          buildProgram(go, 'asynqmon'),
          buildProgram(go, 'asynq-cli', CLI),
        ]);
  // All or nothing: a run without some of the items would look like a complete one.
  const isComplete = peer !== null && asynqmon !== null && cli !== null;
  if (!isComplete) warn('skipped: Go (1.24 or newer) or its modules are not available here');
  project.provide('goPeer', isComplete ? peer : null);
  project.provide('asynqmon', isComplete ? asynqmon : null);
  project.provide('asynqCli', isComplete ? cli : null);
}
