import { defineConfig } from 'vitest/config';

const resolve = { conditions: ['@task-center/source'] };
const ssr = { resolve: { conditions: ['@task-center/source'], externalConditions: ['@task-center/source'] } };

const project = (name: string, include: string[], testTimeout: number) => ({
  resolve,
  ssr,
  test: { name, include, testTimeout, hookTimeout: 60_000 },
});

/** One project per kind of test; `npm test` runs all but `long`, `npm run test:all` every one. */
export default defineConfig({
  test: {
    projects: [
      project('unit', ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts'], 10_000),
      project('broker', ['packages/engine/test/{conformance,brokers,engine,model}/**/*.test.ts'], 30_000),
      project('http', ['packages/{server,cli}/test/**/*.test.ts'], 60_000),
      project('faults', ['packages/engine/test/faults/**/*.test.ts'], 120_000),
      project('long', ['packages/*/test/**/*.long.ts'], 600_000),
    ],
  },
});
