import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { inject } from 'vitest';

const exec = promisify(execFile);

/** What the command says on this Redis (a cluster: several addresses); an error of the command is among it. */
export async function cli(address: string, ...args: readonly string[]): Promise<string> {
  // Neither flags in the environment nor a file at home speak for a test.
  const env = { PATH: process.env['PATH'], HOME: tmpdir() };
  const where = address.includes(',') ? ['--cluster', '--cluster_addrs', address] : ['-u', address];
  const command = inject('asynqCli') ?? 'asynq';
  const { stdout } = await exec(command, [...where, ...args], { env });
  return stdout;
}

/**
 * Rows of the table under this header, by column. Columns begin where they begin in the header's line; a value may
 * have single blanks.
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

/** A value of the lines `Name:  value`. */
export const lineIn = (output: string, name: string): string | undefined =>
  new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(output)?.[1]?.trim();
