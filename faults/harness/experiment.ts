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
  /** 1: runs in CI in its turn (10 to 25 s); 2: with `npm run faults` only. */
  readonly tier: 1 | 2;
  readonly on: readonly Deployment[];
  /** What the faults may do to tasks; all else fails the experiment. Default: nothing. */
  readonly may?: Allowed;
  /** Longest duration with few repeats, ms. Default 90,000. */
  readonly limitMs?: number;
  /** With all of them. Default: 10 times as long. */
  readonly fullLimitMs?: number;
  /** Of the servers, where the deployment has any. */
  readonly redis?: ServerOptions;
}

const LIMIT_MS = 90_000;
/** Git ignores it. */
const FOLDER = fileURLToPath(new URL('../../.cache/faults', import.meta.url));

const firstLine = (error: unknown) => (error instanceof Error ? error.message : String(error));

/**
 * Registers an experiment of the fault matrix (reliability D), one test per deployment, if it is selected. Its function
 * makes the fault and ends with `run.finish()`, which judges the run.
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
        if (run.verdict === null) throw new Error('the experiment did not finish()');
      } catch (thrown) {
        error = firstLine(thrown);
        throw new Error(
          `${error}\nTo repeat it: npm run faults -- ${id} --seed ${random.seed}; its histories: ${folder}`,
          { cause: thrown },
        );
      } finally {
        const { seed } = random;
        const durationMs = Math.round(performance.now() - began);
        const { verdict, facts } = run;
        const passed = error === undefined;
        const head = { id, title, deployment, tier, seed, full, passed, durationMs };
        const result: Result = { ...head, ...(error !== undefined && { error }), verdict, facts };
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
