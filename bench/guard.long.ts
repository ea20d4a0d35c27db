import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
const guard = fileURLToPath(new URL('guard.mjs', import.meta.url));
const run = fileURLToPath(new URL('run.mjs', import.meta.url));

test.skipIf(!hasRedis)('ours has not clearly lost speed against BullMQ in the same run', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [guard], { encoding: 'utf8' });
  expect(status, `${stdout}\n${stderr}`).toBe(0);
});

test.skipIf(!hasRedis)(
  'the ceilings still fit what they drive: our scripts, and the code around them',
  () => {
    const options = ['--only', 'ceiling', '--rounds', '1', '--scale', '0.05', '--job', '100'];
    const { status, stdout, stderr } = spawnSync(process.execPath, [run, 'engine', ...options], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/process, concurrency 100 \| Ceiling: our scripts/);
    expect(stdout).toMatch(/process, concurrency 100 \| Ceiling: minimal scripts/);
  },
);
