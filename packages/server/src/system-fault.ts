import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const FAULT_TEXTS: Readonly<Record<string, string>> = {
  ENOTDIR: 'part of its path is a file',
  EEXIST: 'part of its path is a file',
  EISDIR: 'it is a folder',
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's part of the disk is full",
  EROFS: 'the file system is read-only',
  EMFILE: 'this process has no file descriptors left',
  ENFILE: 'the machine has no file descriptors left',
};

/** The path, or the nearest folder above it that can be seen. */
function nearest(path: string): string {
  const full = resolve(path);
  return existsSync(full) || dirname(full) === full ? full : nearest(dirname(full));
}

function accessFault(path: string): string {
  const seen = nearest(path);
  const owner = statSync(seen).uid;
  const user = process.getuid?.();
  const whose = owner === user ? '' : `: it belongs to user ${owner}`;
  return `this process (user ${user}) may not use ${seen}${whose}`;
}

/** Why the system refused to read, write or create something at a path, in words. */
export function systemFault(error: unknown, path: string): string {
  const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
  // A folder that may not be entered looks like a file.
  const isFolder = code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory();
  return isFolder || code === 'EACCES' || code === 'EPERM' ? accessFault(path) : (FAULT_TEXTS[code] ?? code);
}
