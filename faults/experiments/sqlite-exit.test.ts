// Processes that end with a SQLite file in use, with both drivers in turn.
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { otherDriver } from '../../packages/engine/test/support/other-driver.ts';
import { launchProgram } from '../../packages/engine/test/support/program.ts';
import { experiment } from '../harness/experiment.ts';
import { idsIn, integrityOf } from '../harness/sqlite-file.ts';

/** Works at full load, and ends as it is told to. */
const EXIT = fileURLToPath(
  new URL('../../packages/engine/test/brokers/sqlite/programs/exit.mjs', import.meta.url),
);

/** How processes end, when at the latest (ms after the file is open; with `open` after the start), and their exit codes. */
const ENDS = [
  { end: 'exit', latestMs: 300, code: 3 },
  { end: 'throw', latestMs: 300, code: 1 },
  { end: 'reject', latestMs: 300, code: 1 },
  { end: 'close', latestMs: 300, code: 3 },
  { end: 'backup', latestMs: 100, code: 3 },
  // Opening begins anew what a killed process has left.
  { end: 'kill', latestMs: 300, code: null },
  { end: 'open', latestMs: 60, code: 3 },
] as const;

experiment(
  'S16',
  {
    title: 'processes exit under load, throw, or are killed, with one driver and the other in turn',
    tier: 1,
    on: ['sqlite'],
    limitMs: 120_000,
    fullLimitMs: 3_600_000,
  },
  async (run) => {
    const path = `${run.bed.file}-exits`;
    const other = otherDriver();
    const drivers = other === null ? [{}] : [{}, other];
    const acknowledged: string[] = [];
    const wrong: unknown[] = [];
    let exits = 0;
    for (let round = 0; round < run.times(2, 40); round += 1) {
      for (const { end, latestMs, code } of ENDS) {
        for (const launch of drivers) {
          const ms = Math.round(run.random.between(0, latestMs));
          const program = launchProgram(EXIT, { ...launch, args: [path, end, String(ms)], quiet: true });
          const ended = await program.ended;
          if (ended.code !== code) wrong.push({ end, launch, ms, ...ended });
          acknowledged.push(...program.lines.flatMap((line) => line.match(/^stored (.+)/)?.[1] ?? []));
          exits += 1;
        }
      }
    }
    expect(wrong, 'processes with another exit code').toEqual([]);
    expect(integrityOf(path)).toBe('ok');
    const stored = idsIn(path);
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    run.fact('drivers', drivers.length);
    run.fact('exits', exits);
    run.fact('acknowledged', acknowledged.length);
    await run.finish();
  },
);
