import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { inject } from 'vitest';

const exec = promisify(execFile);

/** Runs the command `asynq` and returns its output. @param address `host:port`; for a cluster several, with commas */
export async function cli(address: string, ...args: readonly string[]): Promise<string> {
  // No settings from environment variables or from a file in the home folder.
  const env = { PATH: process.env['PATH'], HOME: tmpdir() };
  const connection = address.includes(',') ? ['--cluster', '--cluster_addrs', address] : ['-u', address];
  const command = inject('asynqCli') ?? 'asynq';
  const { stdout } = await exec(command, [...connection, ...args], { env });
  return stdout;
}

/**
 * Parses the table whose header begins with `firstColumn`: rows by column name. Columns begin where they begin in the
 * header; a value may contain single blanks.
 */
export function tableIn(output: string, firstColumn: string): Record<string, string>[] {
  const lines = output.split('\n');
  const at = lines.findIndex((line) => line.startsWith(`${firstColumn} `));
  const header = lines[at];
  if (header === undefined) return [];
  const starts = [...header.matchAll(/\S+(?: \S+)*/g)].map(({ index, 0: name }) => ({ index, name }));
  const end = lines.findIndex((line, i) => i > at && line.trim() === '');
  return lines
    .slice(at + 2, end)
    .map((line) =>
      Object.fromEntries(
        starts.map(({ index, name }, i) => [name, line.slice(index, starts[i + 1]?.index).trim()]),
      ),
    );
}

/** The value of a line `Name:  value`. */
export const lineIn = (output: string, name: string): string | undefined =>
  new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(output)?.[1]?.trim();
