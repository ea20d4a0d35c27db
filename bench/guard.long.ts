import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
const guard = fileURLToPath(new URL('guard.mjs', import.meta.url));

test.skipIf(!hasRedis)('ours has not clearly lost speed against BullMQ in the same run', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [guard], { encoding: 'utf8' });
  expect(status, `${stdout}\n${stderr}`).toBe(0);
});
