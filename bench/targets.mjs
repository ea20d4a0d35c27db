// The targets of the engine, and whether a run reached them. The floor of a factor is half of it: below the floor, work on speed
// is not finished.

const OURS = 'Task Center (Redis)';
const EMBEDDED = 'Task Center (SQLite)';
const CEILINGS = { 'Ceiling: our scripts': 0.8, 'Ceiling: minimal scripts': 0.65 };
const ENQUEUE = 'enqueue, 100 in flight';
const BULK = 'enqueue in bulk of 1,000';
const PROCESS = 'process, concurrency 100';

/** The rows of a table that have these values; empty if the table was not measured. */
function rowsWith(tables, id, values) {
  const rows = tables.find((table) => table.id === id)?.rows ?? [];
  return rows.filter((row) => Object.entries(values).every(([key, value]) => row[key] === value));
}

const valueIn = (id, values, key) => (tables) => rowsWith(tables, id, values)[0]?.[key] ?? null;

/** The first engine table: that without persistence, if it was measured. */
const engineTable = (tables) => tables.find(({ id }) => id.startsWith('engine'))?.id;

/** The rate of one peer relative to another in a job of the engine scenario. */
const factor = (scenario, peer, other) => (tables) => {
  const rate = (name) => valueIn(engineTable(tables), { scenario, peer: name }, 'tasks/s')(tables);
  return rate(peer) === null || rate(other) === null ? null : rate(peer) / rate(other);
};

const atLeast = (what, target, value) => ({ what, target, floor: null, isMinimum: true, value });
const atMost = (what, target, value) => ({ what, target, floor: null, isMinimum: false, value });
/** A target for such a ratio, with a floor of half of it. */
const times = (scenario, target, [peer, other]) => ({
  ...atLeast(`${scenario}: ${peer} × ${other}`, target, factor(scenario, peer, other)),
  floor: target / 2,
});

const ENGINE = [
  times(ENQUEUE, 4, [OURS, 'BullMQ']),
  times(BULK, 7, [OURS, 'BullMQ']),
  times(PROCESS, 6, [OURS, 'BullMQ']),
  times(PROCESS, 12, [OURS, 'Go Asynq']),
  ...Object.entries(CEILINGS).flatMap(([ceiling, share]) =>
    [ENQUEUE, BULK, PROCESS].map((job) => times(job, share, [OURS, ceiling])),
  ),
  times(PROCESS, 2, [EMBEDDED, 'BullMQ']),
  times(PROCESS, 5, [EMBEDDED, 'plainjob']),
  times(BULK, 4, [EMBEDDED, 'BullMQ']),
];

const idle = (count, key) => valueIn('latency', { load: 'idle', peer: OURS, 'worker processes': count }, key);
const RESULT = 'idle, with its result';
const half = (peer) => valueIn('latency', { load: 'half of the most', peer }, 'p99 ms');

/** How much longer it takes until the result is back. */
const roundTrip = (peer) => (tables) => {
  const p50 = (load) => valueIn('latency', { load, peer }, 'p50 ms')(tables);
  return p50('idle') === null || p50(RESULT) === null ? null : p50(RESULT) / p50('idle');
};

const LATENCY = [
  atMost('idle, 1 worker process: p50 ms', 0.6, idle(1, 'p50 ms')),
  atMost('idle, 1 worker process: p99 ms', 3, idle(1, 'p99 ms')),
  atMost('idle, 50 worker processes: p99 ms', 25, idle(50, 'p99 ms')),
  ...[OURS, EMBEDDED].map((peer) =>
    atMost(`idle, ${peer}: p50 with its result × p50 to its start`, 2, roundTrip(peer)),
  ),
  atMost(`half of the most, ${OURS}: p99 ms`, 10, half(OURS)),
  atMost(`half of the most, ${EMBEDDED}: p99 ms`, 10, half(EMBEDDED)),
];

const late = (what, key) => valueIn('delay', { what, 'due/s': 1_000 }, key);
const earlyTasks = (tables) => {
  const rows = rowsWith(tables, 'delay', {});
  return rows.length === 0 ? null : rows.reduce((sum, row) => sum + row.early, 0);
};

const DELAY = [
  atMost('delayed tasks that were early, all rates', 0, earlyTasks),
  ...['handler, Redis', 'handler, SQLite'].map((what) =>
    atMost(`1,000 due/s, ${what}: p99 ms late`, 20, late(what, 'p99 ms')),
  ),
];

const MEMORY = ['worker process', 'service, callbacks'].flatMap((what) =>
  [OURS, EMBEDDED].map((peer) =>
    atMost(`10,000 active tasks, ${what}, ${peer}: MB`, 100, valueIn('memory', { what, peer }, 'active MB')),
  ),
);

const CRASH_RECOVERY = [
  ['SIGKILL of a worker', OURS],
  ['SIGKILL of the only process', EMBEDDED],
];
const SUBMITTERS = [OURS, EMBEDDED].map((peer) => ['SIGKILL while enqueueing', peer]);

const CRASH = [
  ...CRASH_RECOVERY.map(([what, peer]) =>
    atMost(`${what}, ${peer}: s until all run again`, 10, valueIn('crash', { what, peer }, 'seconds')),
  ),
  ...[...CRASH_RECOVERY, ...SUBMITTERS].map(([what, peer]) =>
    atMost(`${what}, ${peer}: tasks lost`, 0, valueIn('crash', { what, peer }, 'lost')),
  ),
];

const BACKLOG = [OURS, EMBEDDED].map((peer) =>
  atLeast(
    `1,000,000 waiting, ${peer}: share of the rate with 1,000`,
    0.9,
    valueIn('backlog', { waiting: 1_000_000, peer }, 'share'),
  ),
);

const due = (peer, schedulers, key) => valueIn('schedules', { peer, schedulers }, key);

const successor = (peer, key) => valueIn('successors', { peer }, key);

/** How much more all scripts take when three schedulers share the work. */
function shareOfThree(tables) {
  const [one, three] = [1, 3].map((schedulers) => due(OURS, schedulers, 'script ms')(tables));
  return one === null || three === null ? null : three / one;
}

/** The slowest first page of all lists. */
const slowestPage = (peer) => (tables) => {
  const rows = rowsWith(tables, 'schedule lists', { peer });
  return rows.length === 0 ? null : Math.max(...rows.map((row) => row['first page ms']));
};

/** What schedules add to the memory of an idle service. */
const addedMb = (peer) => (tables) => {
  const read = (key) => valueIn('schedule memory', { peer }, key)(tables);
  return read('service MB') === null ? null : read('service MB') - read('service idle MB');
};

const SCHEDULES = [
  ...[OURS, EMBEDDED].flatMap((peer) => [
    atMost(`10,000 schedules due in one second, ${peer}: p99 ms late`, 1_000, due(peer, 1, 'p99 ms')),
    atMost(`a run after the end of the one before it, ${peer}: max ms`, 100, successor(peer, 'max ms')),
    atMost(`runs that did not follow, ${peer}`, 0, successor(peer, 'missing')),
    atMost(`fires that were early, ${peer}`, 0, due(peer, 1, 'early')),
    atMost(`first pages among 10,000 schedules, ${peer}: ms`, 300, slowestPage(peer)),
    atMost(`10,000 schedules with full history, ${peer}: MB of the service`, 20, addedMb(peer)),
  ]),
  atMost('script time of three schedulers × that of one', 1.5, shareOfThree),
  atMost(
    '10,000 schedules with full history: MB in Redis',
    100,
    valueIn('schedule memory', { peer: OURS }, 'Redis MB'),
  ),
  atMost('next(): p99 µs', 100, valueIn('next fires', { what: 'next()' }, 'p99 µs')),
  atMost('next(): worst µs', 5_000, valueIn('next fires', { what: 'next()' }, 'max µs')),
  atMost(
    'next() years away: worst µs',
    5_000,
    valueIn('next fires', { what: 'next() years away' }, 'max µs'),
  ),
  atMost(
    'a month of an hourly cron: ms',
    1_000,
    valueIn('month', { what: 'a month of an hourly cron' }, 'ms'),
  ),
];

const isOurs = ({ peer, what }) => peer === OURS || what?.endsWith('Redis');

/** The longest over all tables, ms. The slow log begins at 0.5 ms, so an empty one counts as 0.5. */
const longestScript = (column) => (tables) => {
  const ours = tables.flatMap(({ rows }) => rows.filter((row) => column in row && isOurs(row)));
  if (ours.length === 0) return null;
  return ours.reduce((longest, row) => Math.max(longest, row[column] ?? 0.5), 0.5);
};

const TARGETS = [
  ...ENGINE,
  ...LATENCY,
  ...DELAY,
  ...BACKLOG,
  ...MEMORY,
  ...CRASH,
  ...SCHEDULES,
  atMost('longest script of ours in Redis, ms', 5, longestScript('longest script ms')),
  // Each round of a job does the same work. A pause that not every round shows comes from the machine.
  atMost('the same in every round of a job, ms', 5, longestScript('in every round ms')),
];

/**
 * All targets with the values that a run measured.
 *
 * @returns {{ what: string, target: string, value: number | null, floor: number | null, reached: boolean | null,
 *   floorReached: boolean | null }[]} null: not measured, or without a floor
 */
export function evaluate(tables) {
  return TARGETS.map(({ what, target, floor, isMinimum, value: read }) => {
    const value = read(tables);
    const passes = (bound) => (isMinimum ? value >= bound : value <= bound);
    return {
      what,
      target: `${isMinimum ? '≥' : '≤'} ${target}`,
      value,
      floor,
      reached: value === null ? null : passes(target),
      floorReached: value === null || floor === null ? null : passes(floor),
    };
  });
}
