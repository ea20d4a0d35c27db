import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SET_MS } from '../../../src/broker/groups.ts';
import { lua } from '../../../src/brokers/redis/scripts/lua.generated.ts';
import { aTask, finish } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { recordKeys, type ScriptRun } from '../../support/touched-keys.ts';
import { redisBed, type Bed } from './bed.ts';

const STEP = [{ queue: 'q', limit: 256 }];
const NOW = { graceMs: 0, maxDelayMs: 0, maxSize: 0 };
const ref = (id: string) => ({ queue: 'q', id });

/** What a header says of keys. */
interface Header {
  /** TOUCHES: keys that the script derives from the one of `pending`. */
  readonly touches: readonly string[];
  /** `pending` is given for the queue's name only. */
  readonly isName: boolean;
}

/** The headers by script. */
function readHeaders(): Map<string, Header> {
  const folder = new URL('../../../src/brokers/redis/scripts/', import.meta.url);
  const paths = (readdirSync(folder, { recursive: true }) as string[]).filter((path) =>
    path.endsWith('.lua'),
  );
  return new Map(
    paths.map((path) => {
      const text = readFileSync(new URL(path, folder), 'utf8');
      const [, names = ''] = /^-- TOUCHES (.*(?:\n-- {4}.*)*)$/m.exec(text) ?? [];
      const touches = names.split(/,|\n--/).map((name) => name.trim());
      const isName = /^-- KEYS .*\bpending: names the queue/m.test(text);
      return [basename(path, '.lua'), { touches: touches.filter(Boolean), isName }];
    }),
  );
}

/** The name of a key of the queue as headers have it; other keys as they are. */
function headerName(key: string): string {
  const [, name] = /^(?:asynq|tc):\{q\}:(.*)$/s.exec(key) ?? [];
  if (name === undefined) return key;
  const [prefix, ...rest] = name.split(':');
  return rest.length > 0 && prefix !== 'st' ? `${prefix}:*` : name;
}

/** Tasks of all kinds and ends, then maintenance. */
async function useTasks({ broker, exchange, advance, ask }: Bed): Promise<void> {
  const { submit, consume, control, maintain } = broker;
  const kept = { retentionMs: 60_000, uniqueMs: 60_000 };
  await submit.enqueue([
    ...['done', 'kept', 'again', 'dead', 'back', 'lost', 'wait'].map((id) => aTask({ id, queue: 'q' })),
    aTask({ id: 'unique', queue: 'q', type: 'unique', meta: { business: 'b' }, ...kept }),
    aTask({ id: 'later', queue: 'q', delayMs: 60_000, group: 'g' }),
    aTask({ id: 'cancelled', queue: 'q', type: 'cancelled', ...kept }),
  ]);
  await control.cancel(ref('cancelled'), { by: 'me' });
  const { tasks } = await exchange();
  const [done, success, again, dead, back, , wait, unique] = tasks;
  await consume.extend(tasks, 6_000);
  await consume.keepResults([{ task: done!, result: Buffer.from('1') }]);
  await consume.keepNotes([{ task: done!, progress: '{}', lines: ['{}'], skipped: 0 }]);
  const finishes = [finish.succeeded(done!), finish.succeeded(success!), finish.retry(again!, 0)];
  finishes.push(
    finish.archive(dead!),
    finish.requeue(back!),
    finish.defer(wait!, 60_000),
    finish.succeeded(unique!),
  );
  await exchange({ finishes, room: 0 });
  for (const id of ['dead', 'again']) await control.run(ref(id));
  await control.archive(ref('back'));
  await control.remove(ref('back'));
  await control.updatePayload(ref('later'), Buffer.from('2'));
  await control.changeMany({ queue: 'q', action: 'remove', state: 'pending', limit: 100 });
  await ask('LPUSH', 'asynq:{q}:pending', 'ghost');
  await exchange();
  advance(61_000);
  await maintain.survey(['q']);
  await maintain.findUntidy(['q']);
  await maintain.forward(STEP);
  for (let i = 0; i < 3; i += 1) {
    await maintain.recover(STEP, { crashes: 1, losses: 1 });
    advance(2_600);
  }
  await maintain.expire(STEP);
}

/** Tasks whose cancellation was asked for while they ran, and what Go's workers and tools may do with them. */
async function useCancellations({ broker, exchange, advance, ask }: Bed): Promise<void> {
  const { submit, control, inspect, maintain } = broker;
  const ids = ['c-failed', 'c-kept', 'c-back', 'c-lost', 'c-retry', 'c-again', 'c-run', 'c-bulk', 'c-swept'];
  const lock = { type: 'cancel', retentionMs: 60_000, uniqueMs: 60_000 };
  await submit.enqueue(ids.map((id) => aTask({ id, queue: 'q', ...lock, payload: Buffer.from(id) })));
  const { tasks } = await exchange();
  for (const { id } of tasks) await control.cancel(ref(id), {});
  await inspect.cancelRequested(tasks);
  const [failed, kept, back] = tasks;
  const finishes = [finish.retry(failed!, 0), finish.succeeded(kept!), finish.requeue(back!)];
  await exchange({ finishes, room: 0 });
  for (const id of ['c-retry', 'c-again', 'c-run', 'c-bulk', 'c-swept']) {
    await ask('LREM', 'asynq:{q}:active', '0', id);
    await ask('ZREM', 'asynq:{q}:lease', id);
    const state = { 'c-again': 'pending', 'c-swept': 'archived' }[id] ?? 'retry';
    await ask('HSET', `asynq:{q}:t:${id}`, 'state', state);
    if (state === 'pending') await ask('RPUSH', 'asynq:{q}:pending', id);
    else await ask('ZADD', `asynq:{q}:${state}`, id === 'c-retry' ? '1' : '4102444800', id);
  }
  await control.run(ref('c-run'));
  await maintain.forward(STEP);
  await exchange();
  await control.changeMany({ queue: 'q', action: 'run', state: 'retry', limit: 100 });
  await maintain.expire(STEP);
  advance(11_000);
  for (let i = 0; i < 3; i += 1) {
    await maintain.recover(STEP, { crashes: 1, losses: 1 });
    advance(2_600);
  }
}

async function useGroups({ broker: { submit, groups }, advance }: Bed): Promise<void> {
  await submit.enqueue(['a', 'b'].map((id) => aTask({ id, queue: 'q', group: 'made' })));
  const { sets } = await groups.take('q', NOW, 1, null);
  for (const set of sets) {
    const content = await groups.read(set);
    await groups.finish(set, content!, aTask({ id: 'made', queue: 'q', uniqueMs: 1_000 }));
  }
  await submit.enqueue([aTask({ id: 'c', queue: 'q', group: 'left' })]);
  for (let i = 0; i < 3; i += 1) {
    const { sets: left } = await groups.take('q', NOW, 1, null);
    await groups.fail(left[0]!, 'planned error');
    advance(SET_MS + 1_000);
    await groups.reclaim(STEP);
  }
}

/** Schedules with runs that end in all ways, and lines of history that are trimmed and expire. */
async function useSchedules({ broker, exchange, advance, ask, now }: Bed): Promise<void> {
  const store = broker.schedules;
  const schedule = { queue: 'q', name: 's', spec: '{}', business: null, owner: null, source: 'api' };
  const text = { ...schedule, calendar: null, pauseReason: null, nextFireMs: null };
  await store.put([{ ...text, expectedRevision: 0 }]);
  const ids = ['r-done', 'r-dead', 'r-kept', 'r-removed', 'r-cancelled', 'r-gone'];
  const tasks = ids.map((id) => aTask({ id, queue: 'q', retentionMs: id === 'r-kept' ? 60_000 : 0 }));
  const fireMs = now();
  const fires = [{ outcome: 'fired', fireMs, toMs: fireMs, count: 1, tasks } as const];
  const plan = { ledger: '1', lastFireMs: fireMs, nextFireMs: fireMs + 1, nextLookMs: fireMs + 1, runs: 1 };
  const stamp = async () => (await store.get(['s'])).schedules[0]!.stamp;
  const write = { name: 's', fires, plan: { ...plan, open: ids, awaitsEnd: true } };
  await store.fire('q', [{ ...write, stamp: await stamp() }]);
  const [done, dead, kept] = (await exchange({ room: 3 })).tasks;
  await exchange({ finishes: [finish.succeeded(done!)], room: 0 });
  await exchange({ finishes: [finish.archive(dead!), finish.succeeded(kept!)], room: 0 });
  await broker.control.remove(ref('r-removed'));
  await broker.control.cancel(ref('r-cancelled'), {});
  await ask('DEL', 'asynq:{q}:t:r-gone');
  await store.due('q', 10);
  const left = { outcome: 'skipped_misfire', fireMs, toMs: fireMs, count: 1, tasks: [] } as const;
  const many = Array.from({ length: 120 }, () => left);
  await store.fire('q', [{ ...write, fires: many, stamp: await stamp() }]);
  await store.list({ queues: ['q'], limit: 10, after: null });
  await store.fires({ queue: 'q', limit: 10, before: { fireMs: fireMs + 1 } });
  await store.fires({ queue: 'q', name: 's', limit: 10, before: null });
  const span = { fromMs: 0, toMs: fireMs + 10 };
  await store.upcoming(['q'], { span, limit: 10 });
  await store.countUpcoming(['q'], null, [span]);
  await store.nextLooks(['q']);
  await broker.inspect.memoryUsage('q');
  await store.lookNow([schedule]);
  advance(31 * 86_400_000);
  await broker.maintain.findUntidy(['q']);
  await broker.maintain.expire(STEP);
  await broker.maintain.repair(STEP);
  await store.remove([schedule]);
}

async function inspectAndRepair({ broker, ask }: Bed): Promise<void> {
  const { inspect, check, control, maintain } = broker;
  const list = { queue: 'q', limit: 5, cursor: null };
  for (const state of ['pending', 'active', 'scheduled', 'completed', 'cancelled'] as const)
    await inspect.list({ ...list, state });
  await inspect.queueFacts(['q']);
  await inspect.haveHeld(['q'], ['shop']);
  await broker.cursorKey();
  await inspect.memoryUsage('q');
  await inspect.find(['q'], 'c', { any: true });
  await inspect.task(ref('c'));
  await ask('SET', 'tc:{q}:biz', 'x');
  await ask('SET', 'asynq:{q}:unique:gone:', 'nobody');
  await ask('HSET', 'asynq:{q}:t:orphan', 'msg', 'x', 'state', 'active');
  for await (const candidates of check.candidates('q')) await check.examine('q', candidates, true);
  await ask('SET', 'tc:{q}:due', 'x');
  await maintain.repair(STEP);
  await control.pause('q', 'why');
  await control.dropQueue('q');
}

describe.skipIf(!hasRedis())('scripts', () => {
  const bed = redisBed();

  test('touch no keys but those in KEYS and those that their headers name', async () => {
    const recorder = await recordKeys(bed.server.port);
    onTestFinished(() => recorder.close());
    await useTasks(bed);
    await useCancellations(bed);
    await useGroups(bed);
    await useSchedules(bed);
    await inspectAndRepair(bed);
    const ended = recorder.echoed('end');
    await bed.ask('ECHO', 'end');
    await ended;

    const names = new Map<string, string>(Object.values(lua).map(({ sha1, name }) => [sha1, name]));
    const headers = readHeaders();
    const surplus = ({ sha1, keys, touched }: ScriptRun) => {
      const name = names.get(sha1) ?? sha1;
      const { touches = [], isName } = headers.get(name) ?? {};
      const given = keys.map(headerName);
      if (isName) given.splice(given.indexOf('pending'), 1);
      const allowed = new Set([...given, ...touches]);
      const found = [...touched].map(headerName).filter((key) => !allowed.has(key));
      return found.length > 0 ? [[name, found]] : [];
    };
    expect(recorder.runs.flatMap(surplus)).toEqual([]);
    const run = new Set(recorder.runs.map(({ sha1 }) => names.get(sha1)));
    const deriving = [...headers].filter(([, { touches }]) => touches.length > 0).map(([name]) => name);
    expect(deriving.filter((name) => !run.has(name))).toEqual([]);
  });
});
