import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LIBRARY = ['x86_64-linux-gnu', 'aarch64-linux-gnu']
  .map((system) => `/usr/lib/${system}/faketime/libfaketimeMT.so.1`)
  .find(existsSync);

/** A wall clock that the test sets (libfaketime). The monotonic clock stays that of the machine. */
export interface FakeClock {
  /** Environment of the processes that use this clock. */
  readonly env: Readonly<Record<string, string>>;
  /** The time of those processes, ms since 1970. */
  nowMs(): number;
  /** Sets the offset to the clock of the machine, ms; negative = behind. @throws Error without libfaketime */
  set(aheadMs: number): void;
  remove(): void;
}

export function fakeClock(): FakeClock {
  const file = join(tmpdir(), `faults-clock-${randomUUID()}`);
  let aheadMs = 0;
  return {
    env: {
      LD_PRELOAD: LIBRARY ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    nowMs: () => Date.now() + aheadMs,
    set(ms) {
      if (LIBRARY === undefined)
        throw new Error('libfaketime was not found. To install it: apt-get install faketime');
      aheadMs = ms;
      // The library may read at any moment, so the file is replaced in one step.
      writeFileSync(`${file}.new`, `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1_000}\n`);
      renameSync(`${file}.new`, file);
    },
    remove: () => rmSync(file, { force: true }),
  };
}
