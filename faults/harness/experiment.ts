import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import type { Deployment, ServerOptions } from './bed.ts';
import type { Allowed } from './checker.ts';
import type { Result } from './results.ts';
import { Run } from './run.ts';
import { chosenSeed, seeded } from './seed.ts';
import { selected } from './selection.ts';

export interface ExperimentOptions {
  readonly title: string;
  /** 1: runs in CI in its turn (10 to 25 s); 2: only with `npm run faults`. */
  readonly tier: 1 | 2;
  readonly on: readonly Deployment[];
  /** What the faults may do to tasks; anything else fails the experiment. Default: nothing. */
  readonly may?: Allowed;
  /** Timeout of a run with few repeats, ms. Default 90,000. */
  readonly limitMs?: number;
  /** Timeout of a full run, ms. Default: 10 × `limitMs`. */
  readonly fullLimitMs?: number;
  /** Options of the servers, where the deployment has any. */
  readonly redis?: ServerOptions;
}

const LIMIT_MS = 90_000;
/** Histories of failed runs. Git ignores it. */
const FOLDER = fileURLToPath(new URL('../../.cache/faults', import.meta.url));

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/**
 * Registers an experiment of the fault matrix, one test per deployment, if it is selected. Its function causes the faults
 * and ends with `run.finish()`, which judges the run. See docs/design/guarantees.md#fault-matrix.
 */
export function experiment(
  id: string,
  options: ExperimentOptions,
  body: (run: Run) => Promise<unknown>,
): void {
  const { title, tier, on, may = {}, redis, limitMs = LIMIT_MS, fullLimitMs = limitMs * 10 } = options;
  const selection = selected();
  if (!selection.includes(id, tier)) return;
  const { full } = selection;
  for (const deployment of on) {
    const timeout = full ? fullLimitMs : limitMs;
    test(`${id} ${deployment}: ${title}`, { timeout }, async ({ task }) => {
      const random = seeded(chosenSeed());
      const folder = join(FOLDER, `${id}-${deployment}-${random.seed}`);
      rmSync(folder, { recursive: true, force: true });
      const began = performance.now();
      const run = await Run.begin(deployment, {
        random,
        full,
        folder,
        allowed: may,
        ...(redis && { redis }),
      });
      let error: string | undefined;
      try {
        await body(run);
        if (run.verdict === null) throw new Error('the experiment did not call finish()');
      } catch (cause) {
        error = messageOf(cause);
        throw new Error(
          `${error}\nTo repeat this run: npm run faults -- ${id} --seed ${random.seed}; its histories: ${folder}`,
          { cause },
        );
      } finally {
        const { seed } = random;
        const durationMs = Math.round(performance.now() - began);
        const { verdict, facts } = run;
        const passed = error === undefined;
        const identity = { id, title, deployment, tier, seed, full, passed, durationMs };
        const result: Result = { ...identity, ...(error !== undefined && { error }), verdict, facts };
        task.meta.faults = result;
        await run.remove();
        if (passed) rmSync(folder, { recursive: true, force: true });
        else
          writeFileSync(
            join(folder, 'test.jsonl'),
            run
              .lines()
              .filter(({ member }) => member === 'test')
              .map((line) => `${JSON.stringify(line)}\n`)
              .join(''),
          );
      }
    });
  }
}
