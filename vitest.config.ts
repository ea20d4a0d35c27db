import { defineConfig } from 'vitest/config';
import { experimentFiles } from './faults/harness/selection.ts';

// Tests read the source; users get `dist`.
const resolve = { conditions: ['@task-center/source'] };
const ssr = { resolve: { conditions: ['@task-center/source'], externalConditions: ['@task-center/source'] } };

interface Kind {
  readonly include: string[];
  readonly testTimeout: number;
  /** Kinds run one after the other, in this order. */
  readonly groupOrder: number;
  /** False = one file at a time: these measure time or start many processes. */
  readonly fileParallelism?: boolean;
  readonly globalSetup?: string[];
  /** Run before each file. */
  readonly setupFiles?: string[];
  readonly exclude?: string[];
  readonly env?: Record<string, string>;
  /** Default: one less than there are processors. */
  readonly maxWorkers?: number;
  /** Whether each file has a process and modules of its own. Default true. */
  readonly isolate?: boolean;
}

const QUIET = 'packages/engine/test/support/quiet.ts';

const project = (name: string, { groupOrder, setupFiles = [], ...kind }: Kind) => ({
  resolve,
  ssr,
  test: { name, hookTimeout: 60_000, sequence: { groupOrder }, setupFiles: [QUIET, ...setupFiles], ...kind },
});

/**
 * One project per kind of test. `npm test` runs the first four. `npm run test:all` adds suites of the others in turn
 * (`scripts/suites.mjs`).
 */
export default defineConfig({
  test: {
    projects: [
      project('unit', {
        include: ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.mjs', 'faults/harness/*.test.ts'],
        testTimeout: 10_000,
        groupOrder: 0,
        maxWorkers: 2,
        // They keep nothing between files; to load everything anew for each would take most of their time.
        isolate: false,
      }),
      project('broker', {
        include: ['packages/engine/test/{conformance,brokers,engine,model}/**/*.test.ts'],
        testTimeout: 30_000,
        groupOrder: 1,
        // Much of the time they wait: three at a time leave a third of two processors idle.
        maxWorkers: 4,
      }),
      project('http', {
        include: ['packages/{server,cli}/test/**/*.test.ts'],
        setupFiles: ['packages/server/test/support/check-fetched.ts'],
        testTimeout: 60_000,
        groupOrder: 2,
        maxWorkers: 4,
      }),
      // The same suites, called over real connections by other clients than ours.
      ...['curl', 'raw'].map((client, i) =>
        project(`http-${client}`, {
          include: ['packages/server/test/http-*.test.ts'],
          env: { HTTP_CLIENT: client },
          testTimeout: 60_000,
          groupOrder: 8 + i,
          maxWorkers: 3,
        }),
      ),
      project('faults', {
        include: ['packages/engine/test/faults/**/*.test.ts'],
        testTimeout: 120_000,
        groupOrder: 3,
        // They wait for elections, leases and servers that start.
        maxWorkers: 3,
      }),
      project('long', {
        include: ['packages/*/test/**/*.long.ts', 'bench/*.long.ts'],
        testTimeout: 600_000,
        groupOrder: 4,
        fileParallelism: false,
      }),
      project('interop', {
        include: ['interop/checklist/*.test.ts'],
        testTimeout: 60_000,
        groupOrder: 5,
        globalSetup: ['interop/support/build.ts'],
        // Most of the time they wait for other processes.
        maxWorkers: 2,
      }),
      // Item 115: the same checklist on a cluster, but for what starts its own servers or takes minutes.
      project('interop-cluster', {
        include: ['interop/checklist/*.test.ts'],
        exclude: ['cluster', 'million', 'fleet', 'signals'].map(
          (name) => `interop/checklist/${name}.test.ts`,
        ),
        env: { INTEROP_CLUSTER: '1' },
        testTimeout: 60_000,
        groupOrder: 6,
        globalSetup: ['interop/support/build.ts'],
        maxWorkers: 2,
      }),
      project('openapi', {
        include: ['interop/openapi/*.test.ts'],
        testTimeout: 120_000,
        groupOrder: 10,
        fileParallelism: false,
      }),
      project('prometheus', {
        include: ['interop/prometheus/*.test.ts'],
        testTimeout: 60_000,
        groupOrder: 11,
      }),
      project('experiments', {
        include: experimentFiles(),
        // Each has its own limit.
        testTimeout: 90_000,
        groupOrder: 7,
        // They mostly wait for other processes.
        maxWorkers: 2,
      }),
    ],
  },
});
