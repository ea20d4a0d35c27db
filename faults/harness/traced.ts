import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { MemberOptions } from './member.ts';
import { now, until } from './history.ts';

/** A write or a sync of a file, as strace saw it. Times: ms of CLOCK_MONOTONIC, to about 1 ms. */
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
const WHOLE = /^(\d+) +([\d.]+) (\w+)\(\d+<([^>]*)>(?:, ""\.{0,3}, (\d+), (\d+))?\) += (-?\d+).* <([\d.]+)>$/;
const UNFINISHED = / ?<unfinished \.\.\.>$/;
const RESUMED = /^(\d+) +[\d.]+ <\.\.\. (\w+) resumed>/;

/** Starts a member under strace, which writes down its writes and syncs and may disturb them (`inject` of strace). */
export const traced = (log: string, ...inject: readonly string[]): NonNullable<MemberOptions['launch']> => ({
  // Detached, so that signals meet the member itself.
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

/** Lines with calls put together that other threads had cut in two. */
function wholeLines(text: string): string[] {
  const open = new Map<string, string>();
  return text.split('\n').flatMap((line) => {
    const resumed = RESUMED.exec(line);
    if (resumed) {
      const [head, thread = ''] = resumed;
      const begun = open.get(thread);
      open.delete(thread);
      return begun === undefined ? [] : [begun + line.slice(head.length)];
    }
    const [thread = ''] = line.split(' ', 1);
    if (UNFINISHED.test(line)) open.set(thread, line.replace(UNFINISHED, ''));
    return UNFINISHED.test(line) ? [] : [line];
  });
}

/** What a traced member did to its files, in order; it must be gone. */
export async function operationsIn(log: string): Promise<FileOperation[]> {
  const text = () => (existsSync(log) ? readFileSync(log, 'utf8') : '');
  await until(() => text().trimEnd().endsWith('+++'), { what: 'strace has seen the end of the member' });
  const shift = now() - Date.now();
  return wholeLines(text()).flatMap((line) => {
    const found = WHOLE.exec(line);
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

/** Syncs that were carried out. */
export const syncsIn = (deeds: readonly FileOperation[]): FileOperation[] =>
  deeds.filter(({ kind, failed }) => kind === 'sync' && !failed);

/**
 * What a loss of power may do to a member's files: all that no sync has covered becomes noise. Resolves to the number of
 * bytes.
 */
export function loseUnsynced(deeds: readonly FileOperation[]): number {
  const open = new Map<string, FileOperation[]>();
  for (const deed of deeds) {
    if (deed.kind === 'write') open.set(deed.path, [...(open.get(deed.path) ?? []), deed]);
    else if (!deed.failed) open.delete(deed.path);
  }
  let lost = 0;
  for (const [path, writes] of open) {
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
