import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { once, reason, run } from './install.mjs';
import { openProgram } from './program.mjs';

const source = fileURLToPath(new URL('../go', import.meta.url));
const program = path.join(source, '..', '..', '.cache', 'bench', 'asynq');
// Go must not download a newer version of itself.
const options = { cwd: source, env: { ...process.env, GOTOOLCHAIN: 'local' } };
/** Go on the PATH, or where its installer puts it. */
const COMMANDS = ['go', '/usr/local/go/bin/go'];

async function findGo() {
  for (const command of COMMANDS) {
    if (await run(command, ['version'], options).catch(() => null)) return command;
  }
  return null;
}

const build = once(async () => {
  const go = await findGo();
  if (!go) return 'it needs Go 1.24 or newer on the PATH';
  mkdirSync(path.dirname(program), { recursive: true });
  try {
    await run(go, ['build', '-o', program, '.'], options);
    return null;
  } catch (error) {
    return `its Go program cannot be built here: ${reason(error)}`;
  }
});

/** Go Asynq itself, in a Go program that is built when it is needed. With Go's cache a repeated build takes a second. */
export const asynq = {
  name: 'Go Asynq',
  setup:
    'v0.26.0, retention none, four attempts; its client from as many goroutines as there are calls in flight (it has no bulk call); one server with that concurrency; all else at its default. A program of its own, which measures itself.',
  store: 'redis',
  needs: build,
  open: async ({ redis }) => openProgram(program, [`127.0.0.1:${redis.port}`]),
};
