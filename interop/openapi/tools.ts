/** The tools that read OpenAPI documents, and a real service whose document they read. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder } from '../../packages/engine/test/support/temp.ts';
import { endAll, startCli } from '../../packages/cli/test/support/cli.ts';

/** Where `scripts/test-tools.mjs` installs the tools. Git ignores it. */
export const TOOLS = fileURLToPath(new URL('../../.cache/openapi', import.meta.url));
export const HERE = fileURLToPath(new URL('.', import.meta.url));
export const python = (name: string) => join(TOOLS, 'venv/bin', name);
export const node = (name: string) => join(TOOLS, 'node_modules/.bin', name);

/** False = the tests are skipped, and `npm test` says what is missing. */
export const hasTools = existsSync(python('schemathesis')) && existsSync(node('redocly'));

export interface Ran {
  readonly code: number;
  readonly output: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[], { cwd = HERE, env = {} }: RunOptions = {}) {
  const quiet = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1' };
  const options = { cwd, env: { ...process.env, ...quiet, ...env }, maxBuffer: 1 << 26 };
  return new Promise<Ran>((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr }),
    );
  });
}

/** A running service that takes calls. It delivers nothing: what tools make up must not leave the machine. */
export interface Service {
  readonly url: string;
  /** A folder of its own, which goes with it. */
  readonly folder: string;
  /** The key of an admin. */
  readonly key: string;
  close(): Promise<void>;
}

/** @param broker URL of the broker */
export async function startService(broker: string): Promise<Service> {
  const folder = await tempFolder();
  const cli = startCli(['serve'], {
    cwd: folder.path,
    env: {
      TASKCENTER_BROKER: broker,
      TASKCENTER_DATA_DIR: folder.path,
      TASKCENTER_HTTP_PORT: '0',
      TASKCENTER_ROLES: '["api"]',
    },
  });
  await cli.saw(/http:\/\/[\w.]+:\d+/);
  const url = /http:\/\/[\w.]+:\d+/.exec(cli.written.out + cli.written.err)?.[0] ?? '';
  const key = (await readFile(join(folder.path, 'admin.key'), 'utf8')).trim();
  return {
    url,
    folder: folder.path,
    key,
    async close() {
      await endAll();
      await folder.remove();
    },
  };
}
