import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'make-folder-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('folders are created for this user alone, and may exist already', () => {
  const path = join(temporaryFolder(), 'a/b/c');
  makeFolder(path);
  makeFolder(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test('a file in the way is an error', () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  expect(() => makeFolder(file)).toThrow(expect.objectContaining({ code: 'EEXIST' }) as Error);
  expect(() => makeFolder(join(file, 'a/b'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }) as Error);
});

test.skipIf(process.platform !== 'linux')('a location where no folder can be created is an error', () => {
  expect(() => makeFolder('/proc/nothing/here')).toThrow(
    expect.objectContaining({ code: 'ENOENT' }) as Error,
  );
});
