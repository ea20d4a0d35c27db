import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

function place(): string {
  const path = mkdtempSync(join(tmpdir(), 'make-folder-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('folders are made for this user alone, and may be there already', () => {
  const path = join(place(), 'a/b/c');
  makeFolder(path);
  makeFolder(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test('a file in the way is told', () => {
  const file = join(place(), 'file');
  writeFileSync(file, '');
  expect(() => makeFolder(file)).toThrow(expect.objectContaining({ code: 'EEXIST' }) as Error);
  expect(() => makeFolder(join(file, 'a/b'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }) as Error);
});

test.skipIf(process.platform !== 'linux')('a place where nothing can be made is told, too', () => {
  expect(() => makeFolder('/proc/nothing/here')).toThrow(
    expect.objectContaining({ code: 'ENOENT' }) as Error,
  );
});
