import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { MemberOptions } from './member.ts';
import { now, until } from './history.ts';

/** A write or sync of a file in the output of strace. Times: ms of CLOCK_MONOTONIC, accurate to about 1 ms. */
interface FileOperation {
  readonly kind: 'write' | 'sync';
  readonly path: string;
  readonly began: number;
  readonly ended: number;
  readonly failed: boolean;
  readonly length: number;
  readonly offset: number;
}

const CALLS = 'pwrite64,fsync,fdatasync';
const SYNCS = 'fsync,fdatasync';
/** `1234 1700000000.000001 pwrite64(21</a/tasks.db-wal>, ""..., 4096, 32) = 4096 <0.000123>` */
const CALL = /^(\d+) +([\d.]+) (\w+)\(\d+<([^>]*)>(?:, ""\.{0,3}, (\d+), (\d+))?\) += (-?\d+).* <([\d.]+)>$/;
const UNFINISHED = / ?<unfinished \.\.\.>$/;
const RESUMED = /^(\d+) +[\d.]+ <\.\.\. (\w+) resumed>/;

/** Launch options that run a member under strace, which logs its writes and syncs. `inject`: faults of the syncs. */
export const traced = (log: string, ...inject: readonly string[]): NonNullable<MemberOptions['launch']> => ({
  // -D detaches strace: signals then reach the member itself.
  wrapper: [
    'strace',
    '-Dfqqy',
    '-ttt',
    '-T',
    '--string-limit=0',
    `--output=${log}`,
    `--trace=${CALLS}`,
    ...inject.map((what) => `--inject=${SYNCS}:${what}`),
  ],
});

/** The lines of the log. A call that strace split in two is joined. */
function joinSplitCalls(text: string): string[] {
  const open = new Map<string, string>();
  return text.split('\n').flatMap((line) => {
    const resumed = RESUMED.exec(line);
    if (resumed) {
      const [prefix, thread = ''] = resumed;
      const start = open.get(thread);
      open.delete(thread);
      return start === undefined ? [] : [start + line.slice(prefix.length)];
    }
    const [thread = ''] = line.split(' ', 1);
    if (UNFINISHED.test(line)) open.set(thread, line.replace(UNFINISHED, ''));
    return UNFINISHED.test(line) ? [] : [line];
  });
}

/** The file operations of a traced member that has ended, in order. */
export async function operationsIn(log: string): Promise<FileOperation[]> {
  const text = () => (existsSync(log) ? readFileSync(log, 'utf8') : '');
  await until(() => text().trimEnd().endsWith('+++'), { what: 'strace has logged the end of the member' });
  const shift = now() - Date.now();
  return joinSplitCalls(text()).flatMap((line) => {
    const found = CALL.exec(line);
    if (!found) return [];
    const [, , at, call, path = '', length = 0, offset = 0, answer, took] = found;
    const began = Number(at) * 1_000 + shift;
    return {
      kind: call === 'pwrite64' ? ('write' as const) : ('sync' as const),
      path,
      began,
      ended: began + Number(took) * 1_000,
      failed: Number(answer) < 0,
      length: Number(length),
      offset: Number(offset),
    };
  });
}

/** The syncs that succeeded. */
export const syncsIn = (operations: readonly FileOperation[]): FileOperation[] =>
  operations.filter(({ kind, failed }) => kind === 'sync' && !failed);

/**
 * Simulates a loss of power: overwrites all bytes that were written and not synced with noise.
 *
 * @returns the number of overwritten bytes
 */
export function loseUnsynced(operations: readonly FileOperation[]): number {
  const unsynced = new Map<string, FileOperation[]>();
  for (const operation of operations) {
    const { kind, path, failed } = operation;
    if (kind === 'write') unsynced.set(path, [...(unsynced.get(path) ?? []), operation]);
    else if (!failed) unsynced.delete(path);
  }
  let lost = 0;
  for (const [path, writes] of unsynced) {
    if (!existsSync(path)) continue;
    const file = openSync(path, 'r+');
    const { size } = fstatSync(file);
    for (const { offset, length } of writes) {
      const within = Math.max(0, Math.min(length, size - offset));
      writeSync(file, randomBytes(within), 0, within, offset);
      lost += within;
    }
    closeSync(file);
  }
  return lost;
}
