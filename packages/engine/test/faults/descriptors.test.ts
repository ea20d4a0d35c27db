import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('programs/descriptors.mjs', import.meta.url));

test.skipIf(process.platform !== 'linux')(
  'without file descriptors a connection and the lookup of a name say so, and blame nobody else',
  async () => {
    // Both limits: Node raises the soft one to the hard one.
    const command = `ulimit -n 60 && exec ${process.execPath} ${PROGRAM}`;
    const { stdout } = await promisify(execFile)('sh', ['-c', command]);
    expect(JSON.parse(stdout)).toEqual({
      before: ['ECONNREFUSED', 'ECONNREFUSED'],
      without: ['EMFILE', 'EMFILE', 'EMFILE'],
      few: ['EMFILE', 'EMFILE'],
      after: ['ECONNREFUSED', 'ECONNREFUSED'],
    });
  },
);
