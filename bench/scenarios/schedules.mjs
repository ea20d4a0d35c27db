// Schedules: how late those fire that are due together, what several schedulers cost, first pages of lists among many, memory, the
// arithmetic of next fires, and a month in memory.
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, control, createMaintenance, createRuntime, Schedules, Worker } from '@task-center/engine';
import { createTestBroker } from '@task-center/engine/testing';
import { flood, inFolder } from '../measure.mjs';
import { restingMemory } from '../processes.mjs';
import { largest, percentile, spread } from '../report.mjs';
import { serve } from '../service.mjs';
import { farFires, nextFires } from './next-fires.mjs';
import { successors } from './successors.mjs';

/** Schedules at scale 1. */
const SCHEDULES = 10_000;
/** Lines of history of each: as many as are kept. */
const LINES = 100;
/** Fires on the first page. */
const PAGE = 50;
const QUEUE = 'bench';
const OURS = 'Task Center (Redis)';
const EMBEDDED = 'Task Center (SQLite)';
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** Time until they are due: enough to put and to plan them. */
const leadMs = (count) => 3_000 + count;
const sqlite = (folder) => `sqlite:${path.join(folder, 'tasks.db')}`;
const cpuMs = () => Object.values(process.cpuUsage()).reduce((sum, us) => sum + us / 1_000, 0);

/** Puts schedules that fire at one time, then each hour. */
async function putAll(broker, count, startsAt) {
  const kept = new Schedules(broker);
  let next = 0;
  await flood(count, 100, async () => {
    const i = next;
    next += 1;
    const id = `s-${String(i).padStart(6, '0')}`;
    const owner = `team-${i % 100}`;
    await kept.put({ id, every: '1h', startsAt, owner, task: { task: 'bench', queue: QUEUE } });
  });
}

/** Starts schedulers, each with connections of its own. On SQLite they share the process that owns the file. */
async function startSchedulers(broker, url, count) {
  const runtime = createRuntime({ log: SILENT });
  const isShared = url.startsWith('sqlite');
  const others = isShared
    ? []
    : await Promise.all(Array.from({ length: count - 1 }, () => connect(url, { log: false })));
  const brokers = isShared ? Array.from({ length: count }, () => broker) : [broker, ...others];
  const started = brokers.map((own) =>
    createMaintenance({ broker: own, queues: () => [], firedQueues: () => [QUEUE], runtime }),
  );
  for (const each of started) each.start();
  return async () => {
    await Promise.all(started.map((each) => each.stop()));
    await Promise.all(others.map((own) => own.close()));
  };
}

/** All lines of the history. */
async function allFires(broker) {
  const fires = [];
  for (let after = null, isFirst = true; isFirst || after !== null; isFirst = false) {
    const page = await control.listFires(broker, { queues: [QUEUE], limit: 500, after });
    fires.push(...page.fires);
    after = page.next;
  }
  return fires;
}

/** Whether none is still to fire before a time. */
const haveFired = async (broker, untilMs) =>
  (await broker.schedules.countUpcoming([QUEUE], null, [{ fromMs: 0, toMs: untilMs }]))[0] === 0;

/** What scripts took since `begin`. Those of the process that measures are a small part of it. */
const scriptTimes = (redis) => ({
  async begin() {
    await redis.longestScript();
    await redis.send('CONFIG', 'RESETSTAT');
  },
  async end() {
    const stats = await redis.send('INFO', 'commandstats');
    const times = [...stats.matchAll(/^cmdstat_evalsha(?:_ro)?:calls=\d+,usec=(\d+)/gm)].map(
      ([, us]) => us / 1_000,
    );
    const longest = await redis.longestScript();
    return { 'script ms': times.reduce((sum, ms) => sum + ms, 0), 'longest script ms': longest?.ms ?? null };
  },
});
const noScripts = {
  begin: async () => {},
  end: async () => ({ 'script ms': null, 'longest script ms': null }),
};

/** Fires all schedules at one second: how late they are. */
async function dueTogether(peer, url, { count, schedulers, scripts }) {
  const broker = await connect(url, { log: false });
  const startsAt = new Date(Math.ceil((Date.now() + leadMs(count)) / 1_000) * 1_000);
  await putAll(broker, count, startsAt);
  // When they are looked at for the first time, they are only planned.
  const stop = await startSchedulers(broker, url, schedulers);
  await sleep(startsAt.getTime() - Date.now() - 200);
  await scripts.begin();
  const cpu = cpuMs();
  while (!(await haveFired(broker, startsAt.getTime() + 60_000))) await sleep(100);
  const [figures, spent] = [await scripts.end(), cpuMs() - cpu];
  const lateMs = (await allFires(broker)).map(({ atMs, fireMs }) => atMs - fireMs);
  await stop();
  await broker.close();
  return {
    peer,
    schedulers,
    schedules: count,
    fires: lateMs.length,
    early: lateMs.filter((ms) => ms < 0).length,
    'p50 ms': spread(lateMs).median,
    'p99 ms': percentile(lateMs, 0.99),
    'max ms': largest(lateMs),
    'CPU ms': spent,
    ...figures,
  };
}

const aTask = () => ({
  queue: QUEUE,
  id: randomUUID(),
  type: 'bench',
  payload: null,
  headers: {},
  maxRetries: 0,
  timeoutMs: 60_000,
  deadlineMs: 0,
  retentionMs: 0,
  delayMs: 0,
  runAtMs: 0,
  uniqueMs: 0,
  group: null,
  meta: {},
});

/** Takes all tasks and ends them. */
async function endTasks({ consume }) {
  let finishes = [];
  do {
    const { tasks } = await consume.exchange({
      queues: [QUEUE],
      leaseMs: 60_000,
      worker: 'bench',
      finishes,
      room: 256,
    });
    const record = { number: 1, startedMs: Date.now(), finishedMs: Date.now(), outcome: 'succeeded' };
    finishes = tasks.map((task) => ({ task, outcome: 'succeeded', result: null, record }));
  } while (finishes.length > 0);
}

/** Gives schedules a history: fires with a task that has ended. */
async function addHistory(broker, { count, lines }) {
  const store = broker.schedules;
  const names = Array.from({ length: count }, (_, i) => `s-${String(i).padStart(6, '0')}`);
  for (let line = 0; line < lines; line += 1)
    for (let from = 0; from < count; from += 256) {
      const { schedules: read } = await store.get(names.slice(from, from + 256));
      const fireMs = Date.now() - 20;
      const writes = read.map(({ name, stamp, ledger, lastFireMs, nextFireMs, nextLookMs, runs }) => ({
        name,
        stamp,
        fires: [{ outcome: 'fired', fireMs, toMs: fireMs, count: 1, tasks: [aTask()] }],
        plan: { ledger, lastFireMs, nextFireMs, nextLookMs, runs, open: [], awaitsEnd: false },
      }));
      await store.fire(QUEUE, writes);
      await endTasks(broker);
    }
}

/** First pages. What a filter finds is rare, or is not there: then all schedules are looked at. */
const LISTS = {
  owner: { owners: ['nobody'] },
  source: { source: 'config' },
  paused: { paused: true },
  failing: { failing: true },
  late: { late: true },
};

async function firstPages(peer, broker, { rounds, scripts }) {
  const pages = Object.entries(LISTS).map(([name, filter]) => [
    `by ${name}`,
    () => control.listSchedules(broker, { ...filter, limit: PAGE, after: null }),
  ]);
  const span = { fromMs: Date.now() - 86_400_000, toMs: Date.now() };
  pages.push(['fires of a day', () => control.listFires(broker, { span, limit: PAGE, after: null })]);
  const rows = [];
  for (const [list, read] of pages) {
    await scripts.begin();
    const spans = [];
    for (let i = 0; i < rounds; i += 1) {
      const began = performance.now();
      await read();
      spans.push(performance.now() - began);
    }
    const { 'longest script ms': longest } = await scripts.end();
    rows.push({ peer, list, 'first page ms': spread(spans).median, 'longest script ms': longest });
  }
  return rows;
}

/** Lists and memory among schedules with a full history. */
async function amongMany(peer, { url, folder, count, rounds, redis }) {
  const service = async () => {
    const running = await serve(url, folder);
    const { mb } = await restingMemory(running.pid, 8_000);
    await running.stop('SIGTERM');
    return mb;
  };
  const idleMb = await service();
  const before = await redis?.usedBytes();
  const broker = await connect(url, { log: false });
  await putAll(broker, count, new Date(Date.now() + 86_400_000));
  await addHistory(broker, { count, lines: LINES });
  const redisMb = redis ? ((await redis.usedBytes()) - before) / 2 ** 20 : null;
  const pages = await firstPages(peer, broker, { rounds, scripts: redis ? scriptTimes(redis) : noScripts });
  await broker.close();
  const memory = {
    peer,
    schedules: count,
    'Redis MB': redisMb,
    'service idle MB': idleMb,
    'service MB': await service(),
  };
  return { pages, memory };
}

/** A month of an hourly cron whose runs fail and are retried, by the broker for tests. */
async function month() {
  const [began, beganCpu] = [performance.now(), cpuMs()];
  const broker = createTestBroker({ log: false });
  const { clock } = broker;
  let runs = 0;
  const worker = new Worker(broker, { queues: [QUEUE] });
  worker.handle('bench', ({ attempt }) => {
    runs += 1;
    if (clock.now().getUTCHours() % 3 === 0 && attempt < 3) throw new Error('not yet');
  });
  await new Schedules(broker).put({ id: 'hourly', cron: '0 * * * *', task: { task: 'bench', queue: QUEUE } });
  await worker.start();
  await clock.advance('30d');
  await broker.close();
  const figures = { ms: performance.now() - began, 'CPU ms': cpuMs() - beganCpu };
  return { what: 'a month of an hourly cron', runs, ...figures };
}

/** Measures schedules. */
export async function schedules({ startRedis, rounds, scale }) {
  const count = Math.max(500, Math.round(SCHEDULES * scale));
  // First: nothing is compiled or looked up yet.
  const months = [await month()];
  const next = [nextFires(), farFires()];
  const redis = await startRedis();
  const due = [];
  for (const schedulers of [1, 3]) {
    await redis.flush();
    due.push(await dueTogether(OURS, redis.url, { count, schedulers, scripts: scriptTimes(redis) }));
  }
  const embedded = (folder) =>
    dueTogether(EMBEDDED, sqlite(folder), { count, schedulers: 1, scripts: noScripts });
  due.push(await inFolder(embedded));
  await redis.flush();
  const followed = [await successors(OURS, redis.url)];
  followed.push(await inFolder((folder) => successors(EMBEDDED, sqlite(folder))));
  await redis.flush();
  const onRedis = await inFolder((folder) =>
    amongMany(OURS, { url: redis.url, folder, count, rounds, redis }),
  );
  await redis.stop();
  const onSqlite = await inFolder((folder) =>
    amongMany(EMBEDDED, { url: sqlite(folder), folder, count, rounds }),
  );
  return {
    tables: [
      { id: 'schedules', title: 'Schedules that are due in one second', rows: due },
      { id: 'successors', title: 'From the end of a run to the start of the one that waits', rows: followed },
      {
        id: 'schedule lists',
        title: 'First pages among schedules with a full history',
        rows: [...onRedis.pages, ...onSqlite.pages],
      },
      {
        id: 'schedule memory',
        title: 'Memory of schedules with a full history',
        rows: [onRedis.memory, onSqlite.memory],
      },
      { id: 'next fires', title: 'Next fires of crons in all time zones', rows: next },
      { id: 'month', title: 'A month by the broker for tests', rows: months },
    ],
  };
}
