import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import { guarantees, mergeResults, type Results } from './report.ts';
import type { Result } from './results.ts';

const STORE = new URL('../results.json', import.meta.url);
const INTRO = new URL('../guarantees-head.md', import.meta.url);
const DOCUMENT = new URL('../../docs/guarantees.md', import.meta.url);

const resultsOf = (modules: readonly TestModule[]): Result[] =>
  modules
    .flatMap((module) => Array.from(module.children.allTests(), (test) => test.meta().faults ?? []))
    .flat();

function readKnown(): readonly Result[] {
  try {
    return (JSON.parse(readFileSync(STORE, 'utf8')) as Results).results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim();
}

function shown({ id, deployment, seed, durationMs, verdict, facts }: Result): string {
  const { tasks, reruns, recovery, resume, staleEnds } = verdict ?? {};
  const figures = JSON.stringify({ ...tasks, reruns, staleEnds, recovery, resume, ...facts });
  return `${id} ${deployment} (seed ${seed}, ${(durationMs / 1_000).toFixed(1)} s): ${figures}\n`;
}

/** Prints the figures of each experiment. With `FAULTS_WRITE` it stores them and rewrites `docs/guarantees.md`. */
export default class FaultsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const ran = resultsOf(modules);
    for (const result of ran) process.stdout.write(shown(result));
    if ((process.env.FAULTS_WRITE ?? '') === '') return;
    const store: Results = { commit: commit(), results: mergeResults(readKnown(), ran) };
    writeFileSync(STORE, `${JSON.stringify(store, null, 2)}\n`);
    writeFileSync(DOCUMENT, guarantees(readFileSync(INTRO, 'utf8'), store));
  }
}
