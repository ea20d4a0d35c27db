// node scripts/compatibility.mjs: tests the engine against the real Go library and writes docs/asynq-compatibility.md.
import { build, ensureInstalled, requireNode, runNode } from './tools.mjs';

requireNode();
await ensureInstalled();
await build();
const { code } = await runNode(
  'node_modules/vitest/vitest.mjs',
  [
    'run',
    '--project=interop',
    '--project=interop-cluster',
    '--reporter=default',
    '--reporter=./interop/support/reporter.ts',
  ],
  { show: 'all' },
);
if (code === 0) {
  await runNode('node_modules/prettier/bin/prettier.cjs', ['--write', 'docs/asynq-compatibility.md']);
}
process.exitCode = code;
