// The suites of the rotating part (`rotation.mjs`). A new long file states here what it costs and what it guards.
import { readdirSync } from 'node:fs';

/** Paths below the engine's sources. */
const engine = (...paths) => paths.map((path) => `packages/engine/src/${path}`);
const REDIS = engine('brokers/redis');
const SQLITE = engine('brokers/sqlite');
const model = (...paths) => paths.map((path) => `packages/model/src/${path}`);
const WORKERS = [...model('recovery.ts', 'retry'), ...engine('leases', 'loops', 'worker')];

/** What the suites of a kind share: where their files are, and what they all guard or are made of. */
const BENCH = { locate: (name) => `bench/${name}.long.ts`, guards: ['bench'] };
const RULES = { locate: (name) => `packages/model/test/${name}.long.ts`, guards: ['packages/model/test'] };
const SERVER = {
  locate: (name) => `packages/server/test/${name}.long.ts`,
  guards: ['packages/server/test/support'],
};
const REDIS_LONG = {
  locate: (name) => `packages/engine/test/brokers/redis/${name}.long.ts`,
  guards: engine('brokers/redis/client'),
};
const SERVICE = {
  locate: (name) => `packages/cli/test/${name}.long.ts`,
  guards: ['packages/cli/src'],
};
const CHECKLIST = {
  locate: (name) => `interop/checklist/${name}.test.ts`,
  guards: ['interop/go', 'interop/support', ...REDIS, ...engine('protocol')],
};
const HTTP = { locate: (name) => `packages/server/test/${name}`, guards: ['packages/server/test'] };
const SQLITE_LONG = {
  locate: (name) => `packages/engine/test/brokers/sqlite/${name}.long.ts`,
  guards: ['packages/engine/test/brokers/sqlite'],
};
/** The suites that have a switch for their client. */
const CLIENT_FILES = readdirSync(new URL('../packages/server/test/', import.meta.url)).filter((name) =>
  /^http-.*\.test\.ts$/.test(name),
);
const CLI_LONG = { locate: (name) => `packages/cli/test/${name}.long.ts`, guards: ['packages/cli/test'] };
const SURFACE = {
  locate: (name) => `packages/engine/test/engine/surface/${name}.long.ts`,
  guards: ['packages/engine/test/engine/surface'],
};
const CONFORMANCE = {
  locate: (name) => `packages/engine/test/conformance/${name}.long.ts`,
  guards: ['packages/engine/test/conformance'],
};
const OPENAPI = {
  locate: (name) => `interop/openapi/${name}.test.ts`,
  guards: ['interop/openapi', 'docs/openapi.md', 'packages/api/src'],
};
const PROMETHEUS = {
  locate: (name) => `interop/prometheus/${name}.test.ts`,
  guards: ['interop/prometheus', 'scripts/metrics', 'packages/engine/src/metrics'],
};
const ENGINE_LONG = {
  locate: (name) => `packages/engine/test/${name}.long.ts`,
  guards: ['packages/engine/test/support'],
};
const FAULTS = {
  locate: (name) => `faults/experiments/${name}.test.ts`,
  guards: ['faults/harness', 'faults/programs', ...engine('broker')],
};

/**
 * `costs`: seconds in each project that runs the files, as `npm run test:all` prints them on a machine of two processors.
 * `guards`: the sources whose change brings the suite to the front. Files of one suite run at the same time.
 */
const TABLE = [
  { kind: BENCH, files: ['ceilings'], guards: REDIS, costs: { long: 8 } },
  { kind: RULES, files: ['clock-rules'], guards: model('cron'), costs: { long: 60 } },
  { kind: RULES, files: ['fires'], guards: model('cron'), costs: { long: 60 } },
  { kind: RULES, files: ['schedule-sequences'], guards: model('schedules'), costs: { long: 40 } },
  {
    kind: RULES,
    files: ['calendars'],
    guards: [...model('calendars'), 'scripts/calendars'],
    costs: { long: 3 },
  },
  {
    kind: SERVER,
    files: ['event-loop'],
    guards: ['packages/api/src', 'packages/server/src/http'],
    costs: { long: 30 },
  },
  {
    kind: REDIS_LONG,
    files: ['certificates'],
    guards: engine('brokers/redis/checks', 'findings'),
    costs: { long: 25 },
  },
  {
    kind: REDIS_LONG,
    files: ['partial-cluster'],
    guards: engine('brokers/redis/facets/submit.ts', 'brokers/redis/calls', 'errors/failures.ts'),
    costs: { long: 15 },
  },
  {
    kind: SQLITE_LONG,
    files: ['other-driver'],
    guards: engine('brokers/sqlite'),
    costs: { long: 150 },
  },
  {
    kind: SERVICE,
    files: ['stop'],
    guards: ['packages/server/src/serve.ts', 'packages/server/src/stop.ts'],
    costs: { long: 60 },
  },
  {
    kind: SERVICE,
    files: ['acknowledged'],
    guards: [
      'packages/server/src/http/submission',
      'packages/server/src/stop.ts',
      ...engine('brokers', 'client'),
    ],
    costs: { long: 60 },
  },
  {
    kind: HTTP,
    files: ['callbacks-hosts.long.ts'],
    guards: [...engine('worker'), 'packages/server/src/callbacks/host-slots.ts'],
    costs: { long: 75 },
  },
  {
    kind: CLI_LONG,
    files: ['guide-packed'],
    guards: [...engine('index.ts', 'inspector', 'client'), 'packages/engine/package.json', 'docs/library.md'],
    costs: { long: 8 },
  },
  {
    kind: CLI_LONG,
    files: ['supervise'],
    guards: ['packages/cli/src/supervise', 'packages/cli/src/commands/serve.ts'],
    costs: { long: 40 },
  },
  {
    kind: CLI_LONG,
    files: ['fsck'],
    guards: ['packages/cli/src/commands/fsck.ts', ...engine('control/fsck.ts')],
    costs: { long: 25 },
  },
  {
    kind: CLI_LONG,
    files: ['lost-output', 'operations'],
    guards: ['packages/cli/src', 'packages/server/src/serve.ts', 'packages/server/src/auth'],
    costs: { long: 25 },
  },
  {
    kind: ENGINE_LONG,
    files: ['engine/schedules/life', 'model/schedules'],
    guards: [
      ...model('schedules'),
      ...engine('broker', 'brokers', 'control', 'firer', 'schedules', 'loops/maintenance.ts'),
      'packages/engine/test/model',
    ],
    costs: { long: 40 },
  },
  {
    kind: ENGINE_LONG,
    files: ['model/model'],
    guards: [...engine('broker'), ...REDIS, ...SQLITE, 'packages/engine/test/model'],
    costs: { long: 70 },
  },
  {
    kind: ENGINE_LONG,
    files: ['engine/foreign-property'],
    guards: [...engine('protocol', 'loops', 'worker'), ...REDIS],
    costs: { long: 20 },
  },
  {
    kind: ENGINE_LONG,
    files: ['engine/fsck-live', 'engine/fsck-property'],
    guards: [
      ...engine('control/fsck.ts', 'brokers/redis/scripts/check', 'brokers/redis/scripts/prelude'),
      ...engine('brokers/sqlite/thread/facets'),
    ],
    costs: { long: 25 },
  },
  {
    kind: ENGINE_LONG,
    files: ['engine/testing/month'],
    guards: [...engine('testing', 'runtime', 'worker'), 'packages/engine/test/engine/testing'],
    costs: { long: 5 },
  },
  { kind: CONFORMANCE, files: ['memory'], guards: engine('brokers/sqlite', 'testing'), costs: { long: 10 } },
  {
    kind: SURFACE,
    files: ['facets', 'surface'],
    guards: ['packages/engine/src'],
    costs: { long: 30 },
  },
  {
    kind: CLI_LONG,
    files: ['callbacks-descriptors'],
    guards: [...engine('runtime/own-faults.ts'), 'packages/server/src/callbacks/own-limit.ts'],
    costs: { long: 10 },
  },
  { kind: BENCH, files: ['guard'], guards: engine('brokers', 'client', 'worker'), costs: { long: 20 } },

  {
    kind: HTTP,
    files: CLIENT_FILES,
    guards: ['packages/api/src', 'packages/server/src/http'],
    costs: { 'http-curl': 120, 'http-raw': 80 },
  },
  {
    kind: CLI_LONG,
    files: ['connections'],
    guards: ['packages/server/src/http/wire', 'packages/server/src/http/listen.ts'],
    costs: { long: 80 },
  },
  {
    kind: CLI_LONG,
    files: ['memory'],
    guards: ['packages/server/src/http/memory', 'packages/server/src/http/tasks'],
    costs: { long: 110 },
  },

  {
    kind: CHECKLIST,
    files: ['client', 'encodings', 'keys'],
    guards: [...model('names.ts', 'ids.ts', 'context.ts'), ...engine('client', 'task')],
    costs: { interop: 10, 'interop-cluster': 15 },
  },
  {
    kind: CHECKLIST,
    files: ['due', 'finishing', 'taking'],
    guards: WORKERS,
    costs: { interop: 20, 'interop-cluster': 25 },
  },
  {
    kind: CHECKLIST,
    files: ['leases', 'recovery'],
    guards: WORKERS,
    costs: { interop: 65, 'interop-cluster': 70 },
  },
  {
    kind: CHECKLIST,
    files: ['presence', 'robustness'],
    guards: WORKERS,
    costs: { interop: 60, 'interop-cluster': 95 },
  },
  {
    kind: CHECKLIST,
    files: ['groups', 'semaphore'],
    guards: engine('limits', 'worker'),
    costs: { interop: 10, 'interop-cluster': 15 },
  },
  {
    kind: CHECKLIST,
    files: ['acting', 'inspector', 'looking'],
    guards: engine('control', 'inspector'),
    costs: { interop: 20, 'interop-cluster': 25 },
  },
  {
    kind: CHECKLIST,
    files: ['buttons', 'cancel', 'metrics', 'tools'],
    guards: ['interop/asynq-cli', 'interop/asynqmon', ...engine('control', 'inspector', 'metrics')],
    costs: { interop: 10, 'interop-cluster': 15 },
  },
  {
    kind: CHECKLIST,
    files: ['scheduler', 'schedules'],
    guards: [...model('cron'), ...engine('asynq-scheduler')],
    costs: { interop: 40, 'interop-cluster': 45 },
  },
  {
    kind: CHECKLIST,
    files: ['stored-schedules'],
    guards: engine('firer', 'loops', 'schedules'),
    costs: { interop: 15, 'interop-cluster': 20 },
  },
  { kind: CHECKLIST, files: ['fleet'], guards: ['interop/programs', ...WORKERS], costs: { interop: 85 } },
  { kind: CHECKLIST, files: ['million'], guards: engine('control', 'inspector'), costs: { interop: 50 } },
  { kind: CHECKLIST, files: ['cluster', 'signals'], guards: engine('worker'), costs: { interop: 10 } },

  { kind: OPENAPI, files: ['generators'], guards: [], costs: { openapi: 20 } },
  { kind: OPENAPI, files: ['schemathesis'], guards: ['packages/server/src/http'], costs: { openapi: 120 } },

  { kind: PROMETHEUS, files: ['prometheus'], guards: [], costs: { prometheus: 25 } },

  {
    kind: FAULTS,
    files: ['clocks', 'stalls'],
    guards: [...REDIS, ...SQLITE, ...engine('leases', 'runtime', 'worker')],
    costs: { experiments: 75 },
  },
  { kind: FAULTS, files: ['cluster', 'sentinel'], guards: REDIS, costs: { experiments: 40 } },
  {
    kind: FAULTS,
    files: ['network', 'redis-crash', 'redis-full', 'redis-stall'],
    guards: REDIS,
    costs: { experiments: 145 },
  },
  {
    kind: FAULTS,
    files: ['sqlite-crash', 'sqlite-disk', 'sqlite-exit', 'sqlite-owners'],
    guards: SQLITE,
    costs: { experiments: 60 },
  },
  {
    kind: FAULTS,
    files: ['cancel', 'lifecycle', 'unique'],
    guards: [...REDIS, ...SQLITE, ...engine('client', 'control', 'worker')],
    costs: { experiments: 60 },
  },
  {
    kind: FAULTS,
    files: ['poison', 'worker'],
    guards: [...REDIS, ...SQLITE, ...WORKERS, ...engine('errors', 'task')],
    costs: { experiments: 175 },
  },
  {
    kind: FAULTS,
    files: ['counters'],
    guards: [...REDIS, ...SQLITE, ...WORKERS, ...engine('broker', 'client')],
    costs: { experiments: 210 },
  },
  {
    kind: FAULTS,
    files: ['schedules'],
    guards: [...REDIS, ...SQLITE, ...model('schedules'), ...engine('firer', 'schedules')],
    costs: { experiments: 200 },
  },
  {
    kind: FAULTS,
    files: ['schedule-plans', 'schedule-times'],
    guards: [...REDIS, ...SQLITE, ...model('cron', 'schedules'), ...engine('firer', 'schedules')],
    costs: { experiments: 260 },
  },
];

export const SUITES = TABLE.flatMap(({ kind, files, guards, costs }) =>
  Object.entries(costs).map(([project, costSeconds]) => ({
    name: `${project}: ${files.map((file) => file.replace('.test.ts', '')).join(', ')}`,
    project,
    files: files.map(kind.locate),
    guards: [...kind.guards, ...guards],
    costSeconds,
  })),
);

/** Those of `npm test`, which run as a whole. */
export const FIXED_PROJECTS = ['unit', 'broker', 'http', 'faults'];
export const LONG_PROJECTS = [...new Set(SUITES.map(({ project }) => project))];
